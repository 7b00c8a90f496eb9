//! Benchmark of the permission check: auth and the permission service as they are shipped, and a server with the same
//! route four times: bare, with one `MGET`, checked naively, and checked as services do. How soon is a revocation felt?

use super::load::{CONNECTIONS, Load, Outcome};
use anyhow::{Context, Result, ensure};
use local_stack::{Access as Running, Options, Stack, tools::Need};
use serde_json::{Value, json};
use std::{collections::BTreeMap, path::PathBuf, process::ExitCode};

/// What the protected route demands.
const PERMISSION: &str = "auth.readMembers";
/// Callers who take turns, where it is not always the same one.
const CALLERS: usize = 64;
const MANY: &str = "protected, 64 callers";
/// Labels and routes.
const ROUTES: [(&str, &str); 5] =
    [("bare", "bare"), ("mget", "mget"), ("naive", "naive"), ("protected", "protected"), (MANY, "protected")];

#[derive(clap::Args)]
pub struct Access {
    /// Seconds of load on each route in each round
    #[arg(long, default_value_t = 5)]
    seconds: u32,
    /// Rounds; the median counts
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    #[arg(long, default_value_t = 1000)]
    trials: u32,
    #[arg(long, default_value_t = 1_000_000)]
    records: u32,
}

impl Access {
    pub async fn run(&self, data: Option<PathBuf>) -> Result<ExitCode> {
        let needs = [Need::Postgres, Need::Redis, Need::Python, Need::Load];
        let options = Options { access_token_seconds: 3600, ..Options::private("bench", &needs) };
        let done = local_stack::with(data, options, async |stack| self.measure(stack).await).await?;
        Ok(done.map_or(local_stack::INTERRUPTED.into(), |()| ExitCode::SUCCESS))
    }

    async fn measure(&self, stack: &mut Stack) -> Result<()> {
        let running = stack.start_access().await?;
        stack.serve_bench(&running).await?;
        let load = Load { scratch: stack.scratch("load")?, seconds: self.seconds };
        let (url, operator) = (&running.bench_url, &running.operator_token);
        warm(url, operator).await?;
        let mut machines = machines(&running, CALLERS + 1).await?;
        let probe = machines.pop().context("no machine was made")?;
        let callers = granted(&running, machines).await?;
        let peaks = self.peaks(&load, url, operator, &callers).await?;
        print_peaks(&peaks);
        let protected = peaks.get("protected").context("the protected route was not measured")?;
        let half = load.paced(&format!("{url}/protected"), operator, protected.rate / 2.0).await?;
        println!(
            "\nprotected at half of its peak ({:.0}/s): p50 {:.2} ms, p99 {:.2} ms",
            half.rate, half.p50_ms, half.p99_ms
        );
        print_trials(&self.trials(stack, &running, probe).await?);
        let count = self.records.to_string();
        print_records(&stack.bench(&running, "permission", &["records", "--count", &count], &[]).await?);
        Ok(())
    }

    /// The median of each route, by its label. Rounds go over all routes, so that what else the machine does falls on
    /// all alike.
    async fn peaks(
        &self,
        load: &Load,
        url: &str,
        operator: &str,
        callers: &[String],
    ) -> Result<BTreeMap<&'static str, Outcome>> {
        let one = [operator.to_owned()];
        let mut outcomes = BTreeMap::<_, Vec<_>>::new();
        for round in 1..=self.rounds {
            for (label, route) in ROUTES {
                println!("round {round}: {label}");
                let tokens = if label == MANY { callers } else { &one[..] };
                outcomes.entry(label).or_default().push(load.peak(&format!("{url}/{route}"), tokens).await?);
            }
        }
        outcomes
            .into_iter()
            .map(|(label, outcomes)| Ok((label, median(outcomes).context("no round was run")?)))
            .collect()
    }

    /// A machine of the operator's tenant is granted a permission and loses it, again and again.
    async fn trials(&self, stack: &Stack, running: &Running, probe: Machine) -> Result<Value> {
        let (count, route) = (self.trials.to_string(), format!("{}/protected", running.bench_url));
        let (permission, principal) = (&*running.permission_url, &*probe.principal);
        let args =
            ["trials", "--count", &count, "--route", &route, "--permission-url", permission, "--principal", principal];
        let env = [("OWNER_TOKEN", &*running.operator_token), ("BENCH_TOKEN", &*probe.token)];
        let told = stack.bench(running, "billing", &args, &env).await?;
        ensure!(told["stale_allows"] == 0, "allowed after the revocation was answered: {told}");
        Ok(told)
    }
}

/// A machine of the operator's tenant.
struct Machine {
    /// As grants name it.
    principal: String,
    token: String,
}

fn client() -> reqwest::Result<reqwest::Client> {
    reqwest::Client::builder().no_proxy().build()
}

async fn machines(running: &Running, count: usize) -> Result<Vec<Machine>> {
    let (http, mut machines) = (client()?, Vec::new());
    for number in 0..count {
        let made = http.post(format!("{}/v1/clients", running.auth_url)).bearer_auth(&running.operator_token);
        let made: Value =
            made.json(&json!({"name": format!("bench {number}")})).send().await?.error_for_status()?.json().await?;
        let text = |path: &str| {
            made.pointer(path).and_then(Value::as_str).with_context(|| format!("a new client has no {path}"))
        };
        let id = text("/client/id")?;
        let form =
            [("grant_type", "client_credentials"), ("client_id", id), ("client_secret", text("/secret/secret")?)];
        let token = http.post(format!("{}/v1/oauth/token", running.auth_url)).form(&form).send().await?;
        let token: Value = token.error_for_status()?.json().await?;
        let token = token["access_token"].as_str().context("a machine gets no token")?.to_owned();
        machines.push(Machine { principal: format!("client:{id}"), token });
    }
    Ok(machines)
}

/// The tokens of machines that may use the protected route, and have used it.
async fn granted(running: &Running, machines: Vec<Machine>) -> Result<Vec<String>> {
    let http = client()?;
    let mut tokens = Vec::new();
    for Machine { principal, token } in machines {
        let grant = http.post(format!("{}/v1/grants", running.permission_url)).bearer_auth(&running.operator_token);
        grant.json(&json!({"principal": principal, "permission": PERMISSION})).send().await?.error_for_status()?;
        warm(&running.bench_url, &token).await?;
        tokens.push(token);
    }
    Ok(tokens)
}

/// Leaves the record that `mget` and `naive` only read.
async fn warm(url: &str, token: &str) -> Result<()> {
    let answer = client()?.get(format!("{url}/protected")).bearer_auth(token).send().await?;
    ensure!(answer.status().is_success(), "the protected route answers {}: {}", answer.status(), answer.text().await?);
    Ok(())
}

fn median(mut outcomes: Vec<Outcome>) -> Option<Outcome> {
    outcomes.sort_by(|one, other| one.rate.total_cmp(&other.rate));
    outcomes.get(outcomes.len() / 2).copied()
}

fn print_peaks(peaks: &BTreeMap<&'static str, Outcome>) {
    println!(
        "\nwrk -t2 -c{CONNECTIONS}, on the cores that the server has too\n\n| route | requests/s | of bare | p50 ms | \
         p99 ms |\n| --- | --- | --- | --- | --- |"
    );
    for (label, Outcome { rate, p50_ms, p99_ms }) in
        ROUTES.iter().filter_map(|(label, _)| Some((label, peaks.get(label)?)))
    {
        println!("| {label} | {rate:.0} | {:.2} | {p50_ms:.2} | {p99_ms:.2} |", rate / peaks["bare"].rate);
    }
}

fn print_trials(told: &Value) {
    println!(
        "\n{} trials, {} stale allows\n\n| ms | p50 | p99 | max |\n| --- | --- | --- | --- |",
        told["trials"], told["stale_allows"]
    );
    for (label, field) in
        [("warm check", "warm_ms"), ("cold fill", "cold_fill_ms"), ("revoke sent → denied", "revoke_denied_ms")]
    {
        let at = |share: &str| told[field][share].as_f64().unwrap_or(f64::NAN);
        println!("| {label} | {:.2} | {:.2} | {:.2} |", at("p50"), at("p99"), at("max"));
    }
}

fn print_records(told: &Value) {
    let megabytes = told["bytes"].as_f64().unwrap_or(f64::NAN) / 1_000_000.0;
    println!(
        "\n{} records of {} permissions, with their stamps: {megabytes:.0} MB of Redis",
        told["records"], told["permissions_each"]
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_by_rate() {
        let outcome = |rate| Outcome { rate, p50_ms: 0.0, p99_ms: 0.0 };
        assert_eq!(median(vec![outcome(3.0), outcome(1.0), outcome(2.0)]), Some(outcome(2.0)));
        assert_eq!(median(Vec::new()), None);
    }
}
