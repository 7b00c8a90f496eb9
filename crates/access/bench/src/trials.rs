//! Trials of how long a cold fill takes, and how soon a revocation is felt: a permission is granted, used twice,
//! revoked and asked for once more, again and again.

use crate::PERMISSION;
use anyhow::{Result, ensure};
use reqwest::{Client, RequestBuilder, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

#[derive(clap::Args)]
pub struct Trials {
    #[arg(long, default_value_t = 1000)]
    count: usize,
    /// The protected route
    #[arg(long)]
    route: String,
    /// The permission service
    #[arg(long)]
    permission_url: String,
    /// Somebody who may grant the permission
    #[arg(long, env = "OWNER_TOKEN", hide_env_values = true)]
    owner_token: String,
    /// Somebody of the same tenant, to whom nothing is granted yet
    #[arg(long, env = "BENCH_TOKEN", hide_env_values = true)]
    token: String,
    /// The bearer of that token, as grants name them
    #[arg(long)]
    principal: String,
}

#[derive(Deserialize)]
struct Grant {
    id: String,
}

/// The times of all trials.
#[derive(Default)]
struct Times {
    cold: Vec<Duration>,
    warm: Vec<Duration>,
    /// From sending the revocation until the first refusal has arrived.
    denied: Vec<Duration>,
    stale: usize,
}

impl Trials {
    pub async fn run(&self) -> Result<Value> {
        let http = Client::builder().no_proxy().build()?;
        let mut times = Times::default();
        for _ in 0..self.count {
            self.trial(&http, &mut times).await?;
        }
        let Times { cold, warm, denied, stale } = times;
        Ok(json!({"trials": self.count, "stale_allows": stale, "cold_fill_ms": quantiles(cold),
                "warm_ms": quantiles(warm), "revoke_denied_ms": quantiles(denied)}))
    }

    async fn trial(&self, http: &Client, times: &mut Times) -> Result<()> {
        let grants = format!("{}/v1/grants", self.permission_url);
        let wanted = json!({"principal": self.principal, "permission": PERMISSION});
        let granted = http.post(&grants).bearer_auth(&self.owner_token).json(&wanted).send().await?;
        ensure!(granted.status() == StatusCode::CREATED, "granting: {} {}", granted.status(), granted.text().await?);
        let grant: Grant = granted.json().await?;
        // The grant wrote a new stamp, so what Redis holds of the principal does not count any more.
        for of_these in [&mut times.cold, &mut times.warm] {
            let asked = Instant::now();
            let status = answer(self.ask(http)).await?;
            of_these.push(asked.elapsed());
            ensure!(status == StatusCode::OK, "granted, and the answer is {status}");
        }
        let sent = Instant::now();
        let revoked = answer(http.delete(format!("{grants}/{}", grant.id)).bearer_auth(&self.owner_token)).await?;
        ensure!(revoked == StatusCode::NO_CONTENT, "revoking: {revoked}");
        while answer(self.ask(http)).await? != StatusCode::FORBIDDEN {
            times.stale += 1;
        }
        times.denied.push(sent.elapsed());
        Ok(())
    }

    fn ask(&self, http: &Client) -> RequestBuilder {
        http.get(&self.route).bearer_auth(&self.token)
    }
}

/// The status, once the whole answer has arrived.
async fn answer(request: RequestBuilder) -> Result<StatusCode> {
    let response = request.send().await?;
    let status = response.status();
    response.bytes().await?;
    Ok(status)
}

fn quantiles(mut times: Vec<Duration>) -> Value {
    times.sort_unstable();
    let at = |share: f64| {
        times.get(((times.len() as f64 - 1.0) * share).round() as usize).map(|time| time.as_secs_f64() * 1000.0)
    };
    json!({"p50": at(0.5), "p99": at(0.99), "max": at(1.0)})
}
