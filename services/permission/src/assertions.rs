//! Assertions of who may do what: a YAML file of them, checked against a running service, for CI.

use crate::effective::routes::{BatchAnswer, BatchRequest, Check, MOST_CHECKS};
use anyhow::{Context, bail, ensure};
use common::config::Env;
use contracts::id::Principal;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use service_kit::{Command, cli::with_config};
use std::{collections::BTreeSet, fmt, path::PathBuf};

/// The command.
pub const ASSERT: Command = Command {
    name: "assert",
    about: "Check a YAML file of who may do what against a running service",
    argument: Some("file"),
    settings: || Env::questions(|env| Settings::read(env, PathBuf::new())),
    run: |file| with_config(|env| Settings::read(env, file.unwrap_or_default().into()), print),
};

/// Where to ask, as whom, and what.
pub struct Settings {
    pub url: String,
    /// Access token of somebody who may read the tenant's grants.
    pub token: SecretString,
    pub file: PathBuf,
}

impl Settings {
    /// PERMISSION_URL, PERMISSION_TOKEN.
    pub fn read(env: &mut Env, file: PathBuf) -> Option<Self> {
        let url = env.explain("Base URL of permission.").url("PERMISSION_URL");
        let token = env
            .explain("Access token of somebody who may read the tenant's grants, for `permission assert`.")
            .secret("PERMISSION_TOKEN");
        Some(Self { url: url?, token: token?, file })
    }
}

/// What is said of one principal.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    principal: Principal,
    #[serde(default)]
    may: BTreeSet<String>,
    #[serde(default)]
    may_not: BTreeSet<String>,
}

/// One thing that is said of a principal.
#[derive(Clone, Debug, PartialEq)]
struct Assertion {
    principal: Principal,
    permission: String,
    may: bool,
}

impl fmt::Display for Assertion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (is, should_be) = if self.may { ("may not", "may") } else { ("may", "may not") };
        write!(f, "{} {is} {}, and it is asserted that they {should_be}", self.principal, self.permission)
    }
}

#[expect(clippy::print_stdout, reason = "a command that says what it found")]
async fn print(settings: Settings) -> anyhow::Result<()> {
    println!("{} assertions hold", hold(&settings).await?);
    Ok(())
}

/// How many assertions hold; an error that names each one that does not.
pub async fn hold(settings: &Settings) -> anyhow::Result<usize> {
    let text =
        std::fs::read_to_string(&settings.file).with_context(|| format!("cannot read {}", settings.file.display()))?;
    let assertions =
        parse(&text).with_context(|| format!("{} is not a list of assertions", settings.file.display()))?;
    let http = access::client::http();
    let mut failed = Vec::new();
    for batch in assertions.chunks(MOST_CHECKS) {
        let answers = ask(&http, settings, batch).await?;
        failed.extend(
            batch
                .iter()
                .zip(answers)
                .filter(|(assertion, allowed)| assertion.may != *allowed)
                .map(|(assertion, _)| assertion.to_string()),
        );
    }
    if !failed.is_empty() {
        bail!("{} of {} assertions do not hold:\n  {}", failed.len(), assertions.len(), failed.join("\n  "));
    }
    Ok(assertions.len())
}

fn parse(text: &str) -> anyhow::Result<Vec<Assertion>> {
    let entries: Vec<Entry> = serde_saphyr::from_str(text)?;
    let assertions: Vec<Assertion> = entries.into_iter().flat_map(Entry::assertions).collect();
    ensure!(!assertions.is_empty(), "it asserts nothing");
    Ok(assertions)
}

impl Entry {
    fn assertions(self) -> impl Iterator<Item = Assertion> {
        let Self { principal, may, may_not } = self;
        let said = may.into_iter().map(|name| (name, true)).chain(may_not.into_iter().map(|name| (name, false)));
        said.map(move |(permission, may)| Assertion { principal: principal.clone(), permission, may })
    }
}

/// Whether each is allowed, in order.
async fn ask(http: &reqwest::Client, settings: &Settings, batch: &[Assertion]) -> anyhow::Result<Vec<bool>> {
    let check = |one: &Assertion| Check { permission: one.permission.clone(), principal: Some(one.principal.clone()) };
    let request = BatchRequest { checks: batch.iter().map(check).collect(), at_least_version: None };
    let url = format!("{}/v1/check:batch", settings.url);
    let response = http.post(url).bearer_auth(settings.token.expose_secret()).json(&request).send().await;
    let response = response.context("the permission service cannot be reached")?;
    let (status, body) = (response.status(), response.text().await?);
    ensure!(status.is_success(), "the permission service answers {status}: {body}");
    let BatchAnswer { results, .. } = serde_json::from_str(&body)?;
    ensure!(
        results.len() == batch.len(),
        "the permission service answered {} of {} checks",
        results.len(),
        batch.len()
    );
    Ok(results.into_iter().map(|result| result.allowed).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOB: &str = "user:01890a5d-ac96-774b-bcce-b302099a8057";

    #[test]
    fn a_file_says_who_may_and_who_may_not() {
        let text = format!(
            "# Bob keeps the books.\n- principal: {BOB}\n  may: [billing.readInvoices]\n  may_not:\n    - \
             billing.closeCycles\n- principal: client:ci\n  may: [billing.readInvoices]\n"
        );
        let said: Vec<_> =
            parse(&text).unwrap().into_iter().map(|one| (one.principal.to_string(), one.permission, one.may)).collect();
        let expected = [
            (BOB, "billing.readInvoices", true),
            (BOB, "billing.closeCycles", false),
            ("client:ci", "billing.readInvoices", true),
        ];
        assert_eq!(said, expected.map(|(principal, name, may)| (principal.to_owned(), name.to_owned(), may)));
    }

    #[test]
    fn a_file_that_asserts_nothing_is_a_mistake() {
        for wrong in [
            "",
            "[]",
            "- principal: client:ci",
            "- principal: bob\n  may: [x.y]",
            "- principal: client:ci\n  must: [x.y]",
        ] {
            assert!(parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
