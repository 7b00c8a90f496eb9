//! Many instances in one process: is everybody let in, and how many connections does that take? `cargo xtask bench
//! tenancy` asks the same of thousands.

use crate::support::{ACME, Fixture, OnHost};
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use std::{
    collections::BTreeMap,
    env,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};
use test_support::{TestServer, run_sql};

/// A connection that has been told to end is seen a moment longer, in the place of which the next one may begin.
const ENDING: i64 = 2;
/// The session of a member in every database of the crowd: SHA-256 of the word `crowd` is kept there.
const TOKEN: &str = "crowd";
const MEMBER: &str = "
    INSERT INTO members (id, name, email, created_at) VALUES (gen_random_uuid(), 'Crowd', 'crowd@example.test', now());
    INSERT INTO sessions (token_hash, member_id, expires_at) SELECT sha256('crowd'), id, now() + interval '1 day'
    FROM members";

/// How many of everything; what `bench tenancy` makes larger.
struct Scale {
    instances: usize,
    /// Instances that are asked again and again.
    hot: usize,
    /// Real databases. Instances beyond that share them, each with connections of its own: what counts here is the
    /// connections.
    databases: usize,
    /// The process's bound.
    connections: usize,
    /// Requests to hot instances.
    requests: usize,
    at_once: usize,
}

impl Scale {
    fn wished() -> Self {
        let of = |name: &str, small| env::var(name).map_or(small, |text| text.parse().expect("a number"));
        Self {
            instances: of("CROWD_INSTANCES", 30),
            hot: of("CROWD_HOT", 12),
            databases: of("CROWD_DATABASES", 3),
            connections: of("CROWD_CONNECTIONS", 5),
            requests: of("CROWD_REQUESTS", 150),
            at_once: of("CROWD_AT_ONCE", 24),
        }
    }
}

/// What a round of requests came to.
struct Round {
    statuses: BTreeMap<u16, usize>,
    millis: Vec<u128>,
}

impl Round {
    fn told(&self) -> String {
        let at = |share: usize| self.millis[(self.millis.len() - 1) * share / 100];
        format!("{:?}; p50 {} ms, p99 {} ms, longest {} ms", self.statuses, at(50), at(99), at(100))
    }
}

/// Asks for every host in turn, `at_once` of them at the same time; every tenth request writes.
async fn ask(server: &Arc<TestServer>, hosts: Vec<String>, at_once: usize) -> Round {
    let (hosts, next) = (Arc::new(hosts), Arc::new(AtomicUsize::new(0)));
    let worker = |_| {
        let (server, hosts, next) = (Arc::clone(server), Arc::clone(&hosts), Arc::clone(&next));
        tokio::spawn(async move {
            let mut answers = Vec::new();
            loop {
                let number = next.fetch_add(1, SeqCst);
                let Some(host) = hosts.get(number) else { return answers };
                let request = match number % 10 {
                    0 => server.post("/v1/topics", &json!({"title": "T", "body": "B"})).bearer(TOKEN),
                    _ => server.get("/v1/topics?limit=1"),
                };
                let started = Instant::now();
                answers.push((request.on(host).await.status, started.elapsed().as_millis()));
            }
        })
    };
    let (mut statuses, mut millis) = (BTreeMap::new(), Vec::new());
    for worker in (0..at_once).map(worker).collect::<Vec<_>>() {
        for (status, took) in worker.await.expect("a worker") {
            *statuses.entry(status).or_default() += 1;
            millis.push(took);
        }
    }
    millis.sort_unstable();
    Round { statuses, millis }
}

/// Counts the connections of the product's role, again and again.
struct Watch {
    most: Arc<AtomicI64>,
    stop: Arc<AtomicBool>,
}

impl Watch {
    async fn start(fixture: &Fixture) -> Self {
        let (most, stop) = (Arc::<AtomicI64>::default(), Arc::<AtomicBool>::default());
        let (watch, role) =
            (Self { most: Arc::clone(&most), stop: Arc::clone(&stop) }, format!("{}_app", fixture.platform.name));
        let mut connection = PgConnection::connect(&fixture.platform.superuser_url()).await.expect("connecting");
        tokio::spawn(async move {
            while !stop.load(SeqCst) {
                let count = sqlx::query_scalar("SELECT count(*) FROM pg_stat_activity WHERE usename = $1").bind(&role);
                most.fetch_max(count.fetch_one(&mut connection).await.expect("counting"), SeqCst);
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        });
        watch
    }

    fn most(self) -> i64 {
        self.stop.store(true, SeqCst);
        self.most.load(SeqCst)
    }
}

/// Hosts of instances beyond the fixture's own, on so many databases.
async fn crowd(fixture: &mut Fixture, scale: &Scale) -> Vec<String> {
    let mut urls = Vec::new();
    for number in 0..scale.databases {
        let name = format!("{}_crowd{number}", fixture.platform.name);
        let url = fixture.database(&name).await;
        run_sql(&fixture.superuser_url(&name), MEMBER.to_owned()).await;
        urls.push(url);
    }
    let host = |number: usize| {
        let host = format!("i{number}.forum.localhost");
        fixture.configurator.put(&host, fixture.active(&urls[number % urls.len()]));
        host
    };
    (0..scale.instances).map(host).collect()
}

#[expect(clippy::print_stdout, reason = "`bench tenancy` shows the figures")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_is_let_in_and_connections_stay_within_the_bound() {
    let scale = Scale::wished();
    let mut fixture = Fixture::start_with(&[("INSTANCE_CONNECTIONS", &scale.connections.to_string())]).await;
    let hosts = crowd(&mut fixture, &scale).await;
    let (watch, server) = (Watch::start(&fixture).await, Arc::new(fixture.server));
    let cold = ask(&server, hosts.clone(), scale.at_once).await;
    // Each is asked by somebody else than the one before.
    let turns = (0..scale.requests).map(|number| hosts[number * 7 % scale.hot].clone()).collect();
    let hot = ask(&server, turns, scale.at_once).await;
    let most = watch.most();
    println!(
        "{} instances on {} databases, {} hot; {} connections allowed",
        scale.instances, scale.databases, scale.hot, scale.connections
    );
    println!("cold: {}\nhot: {}\nmost connections seen: {most}", cold.told(), hot.told());
    assert_eq!(
        cold.statuses.keys().chain(hot.statuses.keys()).filter(|status| !matches!(status, 200 | 201)).count(),
        0
    );
    assert!(most > 0 && most <= scale.connections as i64 + ENDING, "{most} connections");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_that_is_stuck_leaves_room_for_the_others() {
    let mut fixture = Fixture::start_with(&[("INSTANCE_CONNECTIONS", "5")]).await;
    fixture.second_instance("globex.forum.localhost").await;
    let mut lock = fixture.platform.pool.begin().await.unwrap();
    sqlx::query("LOCK TABLE topics").execute(&mut *lock).await.unwrap();
    let stuck: Vec<_> =
        (0..20).map(|_| fixture.server.get("/v1/topics").header("host", ACME).send()).map(tokio::spawn).collect();
    let waiting =
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    test_support::eventually("somebody waits for the lock", async || {
        (sqlx::query_scalar::<_, i64>(waiting).fetch_one(&fixture.platform.pool).await.unwrap() > 0).then_some(())
    })
    .await;
    for _ in 0..10 {
        let page: Value = fixture.server.get("/v1/topics").on("globex.forum.localhost").await.expect(200);
        assert_eq!(page["items"], json!([]));
    }
    lock.rollback().await.unwrap();
    for request in stuck {
        let answer = request.await.unwrap();
        assert!(
            matches!((answer.status, answer.header("retry-after")), (200, None) | (503, Some("1" | "2" | "3"))),
            "{answer:?}"
        );
    }
}
