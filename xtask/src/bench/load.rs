//! How is load put on a route, and what did it come to? By wrk as fast as it goes, by hey at a given pace.

use anyhow::{Context, Result, bail, ensure};
use std::process::Stdio;
use tokio::process::Command;

/// Connections that ask at the same time.
pub const CONNECTIONS: u32 = 64;

/// What came of a load.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outcome {
    /// Answers a second.
    pub rate: f64,
    pub p50_ms: f64,
    pub p99_ms: f64,
}

/// As many requests as two threads can send over [`CONNECTIONS`] connections.
pub async fn peak(url: &str, token: &str, seconds: u32) -> Result<Outcome> {
    let (connections, duration, header) = (CONNECTIONS.to_string(), format!("{seconds}s"), format!("Authorization: Bearer {token}"));
    let report = run("wrk", &["-t2", "-c", &connections, "-d", &duration, "--latency", "-H", &header, url]).await?;
    wrk(&report).with_context(|| format!("{url}: {report}"))
}

/// About `rate` requests a second over [`CONNECTIONS`] connections.
pub async fn paced(url: &str, token: &str, rate: f64, seconds: u32) -> Result<Outcome> {
    let each = (rate / f64::from(CONNECTIONS)).round().max(1.0).to_string();
    let (connections, duration, header) = (CONNECTIONS.to_string(), format!("{seconds}s"), format!("Authorization: Bearer {token}"));
    let report = run("hey", &["-c", &connections, "-q", &each, "-z", &duration, "-H", &header, url]).await?;
    hey(&report).with_context(|| format!("{url}: {report}"))
}

async fn run(program: &str, args: &[&str]) -> Result<String> {
    let output = Command::new(program).args(args).stdin(Stdio::null()).kill_on_drop(true).output().await;
    let output = output.with_context(|| format!("cannot run {program}"))?;
    ensure!(output.status.success(), "{program} failed ({}): {}", output.status, String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn wrk(report: &str) -> Result<Outcome> {
    for fault in ["Non-2xx", "Socket errors"] {
        ensure!(!report.contains(fault), "not every request was answered with success");
    }
    let latency = |share: &str| milliseconds(word_after(report, share)?);
    Ok(Outcome { rate: word_after(report, "Requests/sec:")?.parse()?, p50_ms: latency("50%")?, p99_ms: latency("99%")? })
}

fn hey(report: &str) -> Result<Outcome> {
    let (_, statuses) = report.split_once("Status code distribution:").context("no request was answered")?;
    let only_ok = statuses.lines().filter(|line| line.trim_start().starts_with('[')).all(|line| line.trim_start().starts_with("[200]"));
    ensure!(only_ok && !report.contains("Error distribution"), "not every request was answered with success");
    let latency = |share: &str| anyhow::Ok(word_after(report, share)?.parse::<f64>()? * 1000.0);
    Ok(Outcome { rate: word_after(report, "Requests/sec:")?.parse()?, p50_ms: latency("50% in")?, p99_ms: latency("99% in")? })
}

fn word_after<'a>(report: &'a str, label: &str) -> Result<&'a str> {
    let line = report.lines().find_map(|line| line.trim_start().strip_prefix(label));
    line.and_then(|rest| rest.split_whitespace().next()).with_context(|| format!("there is no {label}"))
}

/// wrk writes `812.00us`, `1.53ms`, `2.01s`.
fn milliseconds(text: &str) -> Result<f64> {
    for (unit, factor) in [("us", 0.001), ("ms", 1.0), ("s", 1000.0)] {
        if let Some(Ok(number)) = text.strip_suffix(unit).map(str::parse::<f64>) {
            return Ok(number * factor);
        }
    }
    bail!("{text} is no time")
}

#[cfg(test)]
mod tests {
    use super::*;

    const WRK: &str =
        "  Latency Distribution\n     50%  812.00us\n     99%    3.53ms\n  400 requests in 5.00s\nRequests/sec:  71234.56\nTransfer/sec:      8.76MB\n";
    const HEY: &str = "Summary:\n  Requests/sec:\t35000.10\n\nLatency distribution:\n  50% in 0.0004 secs\n  99% in 0.0015 secs\n\nStatus code distribution:\n  [200]\t350000 responses\n";

    #[test]
    fn reports_are_read() {
        assert_eq!(wrk(WRK).unwrap(), Outcome { rate: 71234.56, p50_ms: 0.812, p99_ms: 3.53 });
        assert_eq!(hey(HEY).unwrap(), Outcome { rate: 35000.10, p50_ms: 0.4, p99_ms: 1.5 });
    }

    #[test]
    fn a_load_that_was_not_answered_is_no_measurement() {
        assert!(wrk(&format!("{WRK}  Non-2xx or 3xx responses: 12\n")).is_err());
        assert!(hey(&HEY.replace("[200]", "[503]")).is_err());
        assert!(hey(&format!("{HEY}\nError distribution:\n  [3]\tconnection refused\n")).is_err());
        assert!(wrk("").is_err() && hey("").is_err());
    }
}
