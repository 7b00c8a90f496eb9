//! How log-ins go while two hundred come at once: how many a second beside the bare hash, what another route takes
//! meanwhile, and how much memory. `cargo xtask bench login` runs it, on a PostgreSQL and a Redis of its own; called
//! with `serve` it is auth.

use anyhow::{Context, Result, ensure};
use argon2::{Algorithm, Argon2, Params, Version};
use auth::{
    Auth,
    passwords::{Cost, Hasher},
};
use common::{ambient::Ambient, config::Env};
use futures_util::future::join_all;
use secrecy::SecretString;
use serde_json::json;
use std::{
    collections::HashMap,
    fs,
    net::TcpListener,
    process::ExitCode,
    thread,
    time::{Duration, Instant},
};
use test_support::{TestPlatform, TestUser, eventually};
use tokio::{
    process::{Child, Command},
    time::{interval, sleep},
};

/// Log-ins at the same time, each of another account.
const AT_ONCE: usize = 200;
/// Of load, and of the floor, in each round.
const ROUND: Duration = Duration::from_secs(8);
/// The median of a floor and of what stands on it counts; rounds take turns, so that what else the machine does falls
/// on both.
const ROUNDS: usize = 3;
/// Between two reads.
const READ_EVERY: Duration = Duration::from_millis(10);
const PASSWORD: &str = "seven leagues at a stride";
/// What a process may take besides the memory of its hashes.
const BESIDE_HASHES_MIB: f64 = 60.0;

fn main() -> Result<ExitCode> {
    if std::env::args().nth(1).as_deref() == Some("serve") {
        return Ok(service_kit::cli::run::<Auth>());
    }
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(measure())?;
    Ok(ExitCode::SUCCESS)
}

/// auth in a process of its own, with accounts.
struct Bench {
    url: String,
    process: Child,
    reader: TestUser,
    http: reqwest::Client,
    _platform: TestPlatform,
}

/// What came of the log-ins of a round.
#[derive(Default)]
struct Round {
    logged_in: usize,
    turned_away: usize,
    /// Milliseconds of the reads meanwhile.
    reads: Vec<f64>,
}

async fn measure() -> Result<()> {
    let cost = Cost::read(&mut Env::new([])).context("the default cost")?;
    let bench = Bench::start(cost).await?;
    let mut idle = bench.reads(ROUND).await?;
    let (mut floors, mut rates, mut rounds) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        floors.push(floor(cost).await?);
        let round = bench.load().await?;
        rates.push(round.logged_in as f64 / ROUND.as_secs_f64());
        rounds.push(round);
    }
    let mut reads: Vec<_> = rounds.iter().flat_map(|round| round.reads.iter().copied()).collect();
    let turned_away: usize = rounds.iter().map(|round| round.turned_away).sum();
    let (floor, rate) = (share(&mut floors, 0.5), share(&mut rates, 0.5));
    let (cores, own) = (cores(), f64::from(cost.memory_kib) / 1024.0);
    print_table(&[
        ("hashes/s, bare, one thread a core".into(), format!("{floor:.1}"), String::new()),
        (format!("log-ins/s, {AT_ONCE} at once"), format!("{rate:.1}"), format!("at least {:.1}", 0.9 * floor)),
        ("of the bare hash".into(), format!("{:.2}", rate / floor), "at least 0.90".into()),
        (
            format!("turned away by 503 with Retry-After, in {} s", ROUND.as_secs() * ROUNDS as u64),
            turned_away.to_string(),
            "the surplus".into(),
        ),
        ("a protected read alone, p99".into(), format!("{:.1} ms", share(&mut idle, 0.99)), String::new()),
        ("meanwhile, p50".into(), format!("{:.1} ms", share(&mut reads, 0.5)), String::new()),
        ("meanwhile, p99".into(), format!("{:.1} ms", share(&mut reads, 0.99)), "at most 20 ms".into()),
        (
            "memory at its highest (VmHWM)".into(),
            format!("{:.0} MiB", bench.memory()?),
            format!("at most {:.0} MiB", own * cores as f64 + BESIDE_HASHES_MIB),
        ),
    ]);
    Ok(())
}

impl Bench {
    async fn start(cost: Cost) -> Result<Self> {
        let platform = TestPlatform::of::<Auth>().await;
        accounts(&platform, cost).await?;
        let (port, ops) = (free_port()?, free_port()?);
        let process = Command::new(std::env::current_exe()?)
            .arg("serve")
            .envs(environment(&platform, port, ops))
            .kill_on_drop(true)
            .spawn()?;
        let http = reqwest::Client::builder().no_proxy().build()?;
        let ready = format!("http://127.0.0.1:{ops}/readyz");
        eventually("auth is ready", async || {
            http.get(&ready).send().await.ok().filter(|answer| answer.status().is_success()).map(|_| ())
        })
        .await;
        let reader = platform.user(platform.tenant(), &["auth.readMembers"]).await;
        Ok(Self { url: format!("http://127.0.0.1:{port}"), process, reader, http, _platform: platform })
    }

    /// A round of log-ins, and of reads meanwhile.
    async fn load(&self) -> Result<Round> {
        let until = Instant::now() + ROUND;
        let people = join_all((0..AT_ONCE).map(|number| self.logs_in(number, until)));
        let (people, reads) = tokio::join!(people, self.reads(ROUND));
        let mut round = Round { reads: reads?, ..Round::default() };
        for person in people {
            let (logged_in, turned_away) = person?;
            round.logged_in += logged_in;
            round.turned_away += turned_away;
        }
        Ok(round)
    }

    /// Logs in again and again; gives how often that was so before `until`, and how often there was no core.
    async fn logs_in(&self, number: usize, until: Instant) -> Result<(usize, usize)> {
        let (mut logged_in, mut turned_away) = (0, 0);
        let credentials = json!({"email": address(number), "password": PASSWORD});
        while Instant::now() < until {
            let answer = self.http.post(format!("{}/v1/sessions", self.url)).json(&credentials).send().await?;
            match answer.status().as_u16() {
                201 => logged_in += usize::from(Instant::now() < until),
                503 => {
                    let seconds = answer.headers().get("retry-after").context("503 without Retry-After")?;
                    turned_away += 1;
                    sleep(Duration::from_secs(seconds.to_str()?.parse()?)).await;
                }
                status => anyhow::bail!("a log-in was answered {status}: {}", answer.text().await?),
            }
        }
        Ok((logged_in, turned_away))
    }

    /// How many milliseconds reads take that begin one after the other.
    async fn reads(&self, time: Duration) -> Result<Vec<f64>> {
        let (mut ticks, mut took, until) = (interval(READ_EVERY), Vec::new(), Instant::now() + time);
        while Instant::now() < until {
            ticks.tick().await;
            let began = Instant::now();
            let answer =
                self.http.get(format!("{}/v1/members", self.url)).bearer_auth(&self.reader.token).send().await?;
            ensure!(answer.status().is_success(), "a read was answered {}: {}", answer.status(), answer.text().await?);
            took.push(began.elapsed().as_secs_f64() * 1000.0);
        }
        Ok(took)
    }

    /// In MiB, what the process had at most (proc_pid_status(5)).
    fn memory(&self) -> Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id().context("auth has ended")?))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
        Ok(line.split_whitespace().next().context("no number")?.parse::<f64>()? / 1024.0)
    }
}

/// Hashes a second of the library alone, one thread a core.
async fn floor(cost: Cost) -> Result<f64> {
    let hashes = join_all((0..cores()).map(|_| tokio::task::spawn_blocking(move || hash_alone(cost)))).await;
    hashes.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter().sum()
}

fn hash_alone(cost: Cost) -> Result<f64> {
    let params = Params::new(cost.memory_kib, cost.iterations, 1, None).map_err(anyhow::Error::msg)?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let (began, mut hashes, mut out) = (Instant::now(), 0.0, [0; Params::DEFAULT_OUTPUT_LEN]);
    while began.elapsed() < ROUND {
        argon2.hash_password_into(PASSWORD.as_bytes(), b"sixteen bytes ..", &mut out).map_err(anyhow::Error::msg)?;
        hashes += 1.0;
    }
    Ok(hashes / began.elapsed().as_secs_f64())
}

async fn accounts(platform: &TestPlatform, cost: Cost) -> Result<()> {
    let hash = Hasher::new(cost, Ambient::system())?.hash(&SecretString::from(PASSWORD)).await?;
    let insert = "
        WITH tenant AS (INSERT INTO tenants VALUES (gen_random_uuid(), 'Acme', 'customer', now()) RETURNING id),
        person AS (
            INSERT INTO users (id, email, display_name, password_hash, created_at)
            SELECT gen_random_uuid(), 'ada' || n || '@acme.test', 'Ada', $1, now() FROM generate_series(0, $2) AS n
            RETURNING id)
        INSERT INTO memberships SELECT gen_random_uuid(), tenant.id, person.id, now() FROM tenant, person";
    sqlx::query(insert).bind(hash).bind(i32::try_from(AT_ONCE)?).execute(&platform.pool).await?;
    Ok(())
}

fn address(number: usize) -> String {
    format!("ada{number}@acme.test")
}

/// auth as it is run, but for limits of one network, as everybody comes from here.
fn environment(platform: &TestPlatform, port: u16, ops: u16) -> HashMap<String, String> {
    let own = [
        ("LISTEN_ADDR", format!("127.0.0.1:{port}")),
        ("OPS_ADDR", format!("127.0.0.1:{ops}")),
        ("KEY_ENCRYPTION_KEY", "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=".to_owned()),
        ("PLATFORM_CLIENTS", format!("auth:{}", "0".repeat(64))),
        ("PUBLIC_URL", "https://auth.test".to_owned()),
        ("SOURCE_LIMIT_FACTOR", "10000".to_owned()),
        ("RUST_LOG", "error".to_owned()),
    ];
    let mut variables = platform.env();
    variables.extend(own.map(|(name, value)| (name.to_owned(), value)));
    variables
}

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// The value below which that share of `values` lies.
fn share(values: &mut [f64], share: f64) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let at = (values.len() as f64 * share) as usize;
    values.get(at.min(values.len().saturating_sub(1))).copied().unwrap_or(f64::NAN)
}

#[expect(clippy::print_stdout, reason = "the table is what it is for")]
fn print_table(rows: &[(String, String, String)]) {
    println!("| measured | found | wanted |\n| --- | --- | --- |");
    for (measured, found, wanted) in rows {
        println!("| {measured} | {found} | {wanted} |");
    }
}
