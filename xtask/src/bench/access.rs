//! What does the permission check cost, and how soon is a revocation felt? A stack of auth and the permission service as they are shipped, and a
//! server with the same route four times: bare, with one `MGET`, checked naively, and checked as services do.

use super::load::{self, CONNECTIONS, Outcome};
use crate::{
    stack::{self, Access as Running, Options, Stack},
    tools::Need,
};
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::{path::PathBuf, process::ExitCode};

const ROUTES: [&str; 4] = ["bare", "mget", "naive", "protected"];

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
        let done = stack::with(data, options, async |stack| self.measure(stack).await).await?;
        Ok(done.map_or(stack::INTERRUPTED.into(), |()| ExitCode::SUCCESS))
    }

    async fn measure(&self, stack: &mut Stack) -> Result<()> {
        let running = stack.start_access().await?;
        stack.serve_bench(&running).await?;
        let url = running.bench_url.clone();
        let peaks = self.peaks(&url, &running.operator_token).await?;
        print_peaks(&peaks);
        let (_, protected) = peaks[3];
        let half = load::paced(&format!("{url}/protected"), &running.operator_token, protected.rate / 2.0, self.seconds).await?;
        println!("\nprotected at half of its peak ({:.0}/s): p50 {:.2} ms, p99 {:.2} ms", half.rate, half.p50_ms, half.p99_ms);
        print_trials(&self.trials(stack, &running, &url).await?);
        let count = self.records.to_string();
        print_records(&stack.bench(&running, "permission", &["records", "--count", &count], &[]).await?);
        Ok(())
    }

    /// The median of each route. Rounds go over all routes, so that what else the machine does falls on all alike.
    async fn peaks(&self, url: &str, token: &str) -> Result<Vec<(&'static str, Outcome)>> {
        let mut outcomes = ROUTES.map(|route| (route, Vec::new()));
        for round in 1..=self.rounds {
            for (route, outcomes) in &mut outcomes {
                println!("round {round}: {route}");
                outcomes.push(load::peak(&format!("{url}/{route}"), token, self.seconds).await?);
            }
        }
        outcomes.into_iter().map(|(route, outcomes)| Ok((route, median(outcomes).context("no round was run")?))).collect()
    }

    /// A machine of the operator's tenant is granted a permission and loses it, again and again.
    async fn trials(&self, stack: &Stack, running: &Running, url: &str) -> Result<Value> {
        let http = reqwest::Client::builder().no_proxy().build()?;
        let made = http.post(format!("{}/v1/clients", running.auth_url)).bearer_auth(&running.operator_token).json(&json!({"name": "bench"})).send().await?;
        let client: Value = made.error_for_status()?.json().await?;
        let text = |path: &str| client.pointer(path).and_then(Value::as_str).with_context(|| format!("a new client has no {path}"));
        let id = text("/client/id")?;
        let form = [("grant_type", "client_credentials"), ("client_id", id), ("client_secret", text("/secret/secret")?)];
        let token: Value = http.post(format!("{}/v1/oauth/token", running.auth_url)).form(&form).send().await?.error_for_status()?.json().await?;
        let token = token["access_token"].as_str().context("a machine gets no token")?;
        let (count, route, principal) = (self.trials.to_string(), format!("{url}/protected"), format!("client:{id}"));
        let args = ["trials", "--count", &count, "--route", &route, "--permission-url", &running.permission_url, "--principal", &principal];
        let told = stack.bench(running, "billing", &args, &[("OWNER_TOKEN", &running.operator_token), ("BENCH_TOKEN", token)]).await?;
        ensure!(told["stale_allows"] == 0, "allowed after the revocation was answered: {told}");
        Ok(told)
    }
}

fn median(mut outcomes: Vec<Outcome>) -> Option<Outcome> {
    outcomes.sort_by(|one, other| one.rate.total_cmp(&other.rate));
    outcomes.get(outcomes.len() / 2).copied()
}

fn print_peaks(peaks: &[(&'static str, Outcome)]) {
    println!(
        "\nwrk -t2 -c{CONNECTIONS}, on the cores that the server has too\n\n| route | requests/s | of bare | p50 ms | p99 ms |\n| --- | --- | --- | --- | --- |"
    );
    let bare = peaks[0].1.rate;
    for (route, Outcome { rate, p50_ms, p99_ms }) in peaks {
        println!("| {route} | {rate:.0} | {:.2} | {p50_ms:.2} | {p99_ms:.2} |", rate / bare);
    }
}

fn print_trials(told: &Value) {
    println!("\n{} trials, {} stale allows\n\n| ms | p50 | p99 | max |\n| --- | --- | --- | --- |", told["trials"], told["stale_allows"]);
    for (label, field) in [("warm check", "warm_ms"), ("cold fill", "cold_fill_ms"), ("revoke sent → denied", "revoke_denied_ms")] {
        let at = |share: &str| told[field][share].as_f64().unwrap_or(f64::NAN);
        println!("| {label} | {:.2} | {:.2} | {:.2} |", at("p50"), at("p99"), at("max"));
    }
}

fn print_records(told: &Value) {
    let megabytes = told["bytes"].as_f64().unwrap_or(f64::NAN) / 1_000_000.0;
    println!("\n{} records of {} permissions, with their stamps: {megabytes:.0} MB of Redis", told["records"], told["permissions_each"]);
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
