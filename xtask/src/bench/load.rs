//! Load on a route: by wrk as fast as it goes, by h2load at a given pace.

use anyhow::{Context, Result, bail, ensure};
use std::{fmt::Write, fs, path::PathBuf, process::Stdio};
use tokio::{process::Command, task::JoinSet};

/// Connections that ask at the same time.
pub const CONNECTIONS: u32 = 64;

/// One h2load sends all its requests at the same moment, again and again; several do so at different ones, as callers
/// would.
const GENERATORS: u32 = 8;

/// What came of a load.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outcome {
    /// Answers a second.
    pub rate: f64,
    pub p50_ms: f64,
    pub p99_ms: f64,
}

/// Where load comes from; what it writes goes to `scratch`.
pub struct Load {
    pub scratch: PathBuf,
    pub seconds: u32,
}

impl Load {
    /// As many requests as two threads can send over [`CONNECTIONS`] connections, in turn for each of the bearers of
    /// `tokens`.
    pub async fn peak(&self, url: &str, tokens: &[String]) -> Result<Outcome> {
        let script = self.scratch.join("callers.lua");
        fs::write(&script, in_turn(tokens))?;
        let (connections, duration, script) =
            (CONNECTIONS.to_string(), format!("{}s", self.seconds), script.display().to_string());
        let report = run("wrk", &["-t2", "-c", &connections, "-d", &duration, "--latency", "-s", &script, url]).await?;
        wrk(&report).with_context(|| format!("{url}: {report}"))
    }

    /// About `rate` requests a second over [`CONNECTIONS`] connections.
    pub async fn paced(&self, url: &str, token: &str, rate: f64) -> Result<Outcome> {
        let (connections, seconds, header) =
            (CONNECTIONS / GENERATORS, self.seconds.to_string(), format!("Authorization: Bearer {token}"));
        let each = format!("--rps={}", rate / f64::from(CONNECTIONS));
        let logs: Vec<_> = (0..GENERATORS).map(|number| self.scratch.join(format!("requests-{number}.log"))).collect();
        let mut generators = JoinSet::new();
        for log in &logs {
            let (connections, log) = (connections.to_string(), format!("--log-file={}", log.display()));
            let args =
                ["--h1", "-t1", "-c", &connections, "-D", &seconds, &each, &log, "-H", &header, url].map(String::from);
            generators.spawn(async move { run("h2load", &args.each_ref().map(String::as_str)).await });
        }
        while let Some(ended) = generators.join_next().await {
            ended??;
        }
        h2load(&logs, self.seconds).with_context(|| url.to_owned())
    }
}

/// A script for wrk (<https://github.com/wg/wrk/blob/master/SCRIPTING>); the requests are written once, as writing them
/// costs more than sending.
fn in_turn(tokens: &[String]) -> String {
    let mut script = "local requests = {}\nlocal turn = 0\ninit = function()\n".to_owned();
    for token in tokens {
        // Writing to a String does not fail.
        let _ = writeln!(
            script,
            "  table.insert(requests, wrk.format('GET', nil, {{ Authorization = 'Bearer {token}' }}))"
        );
    }
    script + "end\nrequest = function()\n  turn = turn % #requests + 1\n  return requests[turn]\nend\n"
}

async fn run(program: &str, args: &[&str]) -> Result<String> {
    let output = Command::new(program).args(args).stdin(Stdio::null()).kill_on_drop(true).output().await;
    let output = output.with_context(|| format!("cannot run {program}"))?;
    ensure!(
        output.status.success(),
        "{program} failed ({}): {}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn wrk(report: &str) -> Result<Outcome> {
    for fault in ["Non-2xx", "Socket errors"] {
        ensure!(!report.contains(fault), "not every request was answered with success");
    }
    let latency = |share: &str| milliseconds(word_after(report, share)?);
    Ok(Outcome {
        rate: word_after(report, "Requests/sec:")?.parse()?,
        p50_ms: latency("50%")?,
        p99_ms: latency("99%")?,
    })
}

/// A line a request: when it began, its status, and how many microseconds it took.
fn h2load(logs: &[PathBuf], seconds: u32) -> Result<Outcome> {
    let mut micros = Vec::new();
    let text = logs.iter().map(fs::read_to_string).collect::<std::io::Result<String>>()?;
    for line in text.lines() {
        let mut fields = line.split('\t').skip(1);
        let (status, took) =
            fields.next().zip(fields.next()).with_context(|| format!("the log has the line {line:?}"))?;
        ensure!(status == "200", "a request was answered {status}");
        micros.push(took.parse::<u32>()?);
    }
    micros.sort_unstable();
    let at = |share: f64| {
        micros
            .get((micros.len() as f64 * share) as usize)
            .map(|micros| f64::from(*micros) / 1000.0)
            .context("no request was answered")
    };
    Ok(Outcome { rate: micros.len() as f64 / f64::from(seconds), p50_ms: at(0.5)?, p99_ms: at(0.99)? })
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

    const WRK: &str = "  Latency Distribution\n     50%  812.00us\n     99%    3.53ms\n  400 requests in \
                       5.00s\nRequests/sec:  71234.56\nTransfer/sec:      8.76MB\n";
    #[test]
    fn reports_are_read() {
        assert_eq!(wrk(WRK).unwrap(), Outcome { rate: 71234.56, p50_ms: 0.812, p99_ms: 3.53 });
    }

    #[test]
    fn logs_are_read() {
        let log = std::env::temp_dir().join(format!("xtask-h2load-{}", std::process::id()));
        let lines: String = (1..=200).map(|took| format!("1763719000000000\t200\t{}\n", took * 10)).collect();
        fs::write(&log, &lines).unwrap();
        assert_eq!(h2load(std::slice::from_ref(&log), 2).unwrap(), Outcome { rate: 100.0, p50_ms: 1.01, p99_ms: 1.99 });
        for wrong in ["", "1763719000000000\t503\t10\n", "1763719000000000\n"] {
            fs::write(&log, wrong).unwrap();
            assert!(h2load(std::slice::from_ref(&log), 2).is_err(), "{wrong}");
        }
        fs::remove_file(&log).unwrap();
    }

    #[test]
    fn callers_take_turns() {
        let script = in_turn(&["a.b.c".into(), "d.e.f".into()]);
        assert_eq!(script.matches("wrk.format('GET', nil, { Authorization = 'Bearer ").count(), 2);
    }

    #[test]
    fn a_load_that_was_not_answered_is_no_measurement() {
        assert!(wrk(&format!("{WRK}  Non-2xx or 3xx responses: 12\n")).is_err());
        assert!(wrk("").is_err());
    }
}
