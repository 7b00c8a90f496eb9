//! The users of Redis: who may write what? Each of docker/redis-users.conf is tried against a real one.

use crate::files;
use access::{RecordStore, SessionStore};
use common::ambient::Ambient;
use contracts::{
    id::{Principal, SessionId, TenantId},
    roster,
};
use redis::{Client, Cmd, RedisResult, Value, aio::ConnectionManager};
use std::{collections::BTreeSet, time::Duration};
use test_support::RedisServer;

/// Of each kind, the last part of a key under which it lies.
const KINDS: [&str; 4] = ["rec:client:forum", "us:client:forum", "ts", "sess:00000000-0000-0000-0000-000000000000"];
const MINUTE: Duration = Duration::from_secs(60);

/// The users that a program logs in as.
fn logins() -> impl Iterator<Item = &'static str> {
    roster::NAMES.into_iter().chain([roster::PRODUCT_USER])
}

/// The users of the file, and what it says of each.
fn users() -> Vec<(String, String)> {
    let file = files::text("docker/redis-users.conf");
    let users = file.lines().filter_map(|line| line.strip_prefix("user ")?.split_once(' '));
    users.map(|(user, rights)| (user.to_owned(), rights.to_owned())).collect()
}

/// A Redis with all users, whose passwords are their names.
async fn server() -> RedisServer {
    let arguments: Vec<_> =
        users().into_iter().flat_map(|(user, rights)| with_password(&user, &rights, &user)).collect();
    RedisServer::start(&arguments.iter().map(String::as_str).collect::<Vec<_>>()).await
}

/// The user as arguments of redis-server.
fn with_password(user: &str, rights: &str, password: &str) -> Vec<String> {
    let mut words = vec!["--user".to_owned(), user.to_owned()];
    words.extend(rights.split(' ').map(str::to_owned));
    if rights.starts_with("on ") {
        words.insert(3, format!(">{password}"));
    }
    words
}

async fn connection(server: &RedisServer, user: &str) -> ConnectionManager {
    ConnectionManager::new(Client::open(server.url_of(user, user)).unwrap()).await.unwrap()
}

/// What Redis answers to a command, written as one types it.
async fn answer(redis: &ConnectionManager, command: &str) -> RedisResult<Value> {
    let mut words = command.split(' ');
    let mut typed = Cmd::new();
    typed.arg(words.next()).arg(words.collect::<Vec<_>>());
    typed.query_async(&mut redis.clone()).await
}

async fn refused(redis: &ConnectionManager, user: &str, command: &str) {
    let error = answer(redis, command).await.expect_err(&format!("{user} may {command}"));
    assert_eq!(error.code(), Some("NOPERM"), "{user}: {command}: {error}");
}

fn key(tenant: TenantId, kind: &str) -> String {
    format!("any-prefix:{{{tenant}}}:{kind}")
}

#[tokio::test]
async fn nobody_writes_what_is_not_theirs() {
    let (server, tenant) = (server().await, TenantId(Ambient::system().uuid()));
    for user in logins() {
        let redis = connection(&server, user).await;
        let own = |kind: &str| {
            (user == "auth" && kind.starts_with("sess:")) || (user == "permission" && !kind.starts_with("sess:"))
        };
        for key in KINDS
            .into_iter()
            .filter(|kind| !own(kind))
            .map(|kind| key(tenant, kind))
            .chain(["anything".to_owned(), key(tenant, "else")])
        {
            let writes =
                "SET {} 1;SETEX {} 60 1;DEL {};GETDEL {};UNLINK {};EXPIRE {} 1;APPEND {} 1;RENAME {} {};RESTORE {} 0 1";
            for write in writes.split(';') {
                refused(&redis, user, &write.replace("{}", &key)).await;
            }
        }
    }
}

#[tokio::test]
async fn nobody_empties_searches_or_reconfigures() {
    let server = server().await;
    let forbidden = "FLUSHALL;FLUSHDB;KEYS *;SCAN 0;DBSIZE;CONFIG GET *;CONFIG SET maxmemory-policy allkeys-lru;ACL \
                     LIST;\
                     CLIENT LIST;MONITOR;EVAL 1 0;REPLICAOF NO ONE;SHUTDOWN NOSAVE;SWAPDB 0 1;MGET anything;GET {t}:ts";
    for user in logins() {
        let redis = connection(&server, user).await;
        for command in forbidden.split(';') {
            refused(&redis, user, command).await;
        }
    }
    let stranger = Client::open(server.url()).unwrap().get_multiplexed_async_connection().await.unwrap();
    let error = redis::cmd("PING").query_async::<Value>(&mut stranger.clone()).await.unwrap_err();
    assert_eq!(error.code(), Some("NOAUTH"), "{error}");
}

#[tokio::test]
async fn everybody_can_do_their_work() {
    let (server, ambient) = (server().await, Ambient::system());
    let (tenant, session, principal) =
        (TenantId(ambient.uuid()), SessionId(ambient.uuid()), Principal::Client("forum".into()));
    let sessions = SessionStore::new(connection(&server, "auth").await, "any-prefix:", 0);
    sessions.open(tenant, session, MINUTE).await.unwrap();
    let records = RecordStore::new(connection(&server, "permission").await, "any-prefix:", 0, ambient.clone());
    let stamps = records.stamps(tenant, &principal).await.unwrap();
    records.write(tenant, &principal, stamps, &BTreeSet::from(["forum.addPost".to_owned()]), MINUTE).await.unwrap();
    records.restamp_principal(tenant, &principal).await.unwrap();
    records.restamp_tenant(tenant).await.unwrap();

    let session_key = format!("sess:{session}");
    let check = [KINDS[0], KINDS[1], KINDS[2], &session_key].map(|kind| key(tenant, kind)).join(" ");
    for user in logins() {
        let redis = connection(&server, user).await;
        let found: Vec<Option<String>> =
            redis::from_redis_value(answer(&redis, &format!("MGET {check}")).await.unwrap()).unwrap();
        assert!(found.iter().all(Option::is_some), "{user}: {found:?}");
        for command in ["PING", "INFO memory"] {
            answer(&redis, command).await.unwrap();
        }
    }
    sessions.close(tenant, session).await.unwrap();
    // There is no replica to wait for, and that is what is told: not that asking for one is refused.
    let replicated = SessionStore::new(connection(&server, "auth").await, "any-prefix:", 1);
    assert_eq!(replicated.close(tenant, session).await.unwrap_err().code(), None);
    let replicated = RecordStore::new(connection(&server, "permission").await, "any-prefix:", 1, ambient);
    assert_eq!(replicated.restamp_tenant(tenant).await.unwrap_err().code(), None);
}

/// Of the counters of a service that limits what a source may do.
fn counter(service: &str) -> String {
    format!("any-prefix:lim:{service}:{{register:203.0.113.7}}:1")
}

#[tokio::test]
async fn who_counts_what_sources_do_has_counters_of_its_own() {
    let server = server().await;
    for user in logins() {
        let redis = connection(&server, user).await;
        for owner in logins() {
            for command in
                ["INCR {}", "EXPIRE {} 60", "DECR {}", "MGET {}"].map(|command| command.replace("{}", &counter(owner)))
            {
                match user {
                    "auth" | "billing" | "configurator" if user == owner => {
                        drop(answer(&redis, &command).await.unwrap())
                    }
                    _ => refused(&redis, user, &command).await,
                }
            }
        }
    }
}

#[tokio::test]
async fn each_tells_of_its_own_consumers_and_the_worker_reads_all() {
    let server = server().await;
    let queues: Vec<_> =
        roster::SERVICES.iter().flat_map(|owner| owner.queues().map(move |queue| (owner.name, queue.name))).collect();
    for user in logins() {
        let redis = connection(&server, user).await;
        for (owner, queue) in &queues {
            let key = contracts::consumers::key("any-prefix:", owner, queue, 7);
            for command in ["HSET {} process told", "EXPIRE {} 60"].map(|command| command.replace("{}", &key)) {
                match user == *owner {
                    true => drop(answer(&redis, &command).await.unwrap()),
                    false => refused(&redis, user, &command).await,
                }
            }
            match user {
                "worker" => drop(answer(&redis, &format!("HGETALL {key}")).await.unwrap()),
                _ => refused(&redis, user, &format!("HGETALL {key}")).await,
            }
        }
        refused(&redis, user, "HSET elsewhere process told").await;
    }
}

#[tokio::test]
async fn only_the_configurator_announces_hosts_and_only_products_hear() {
    let server = server().await;
    for user in logins() {
        let redis = connection(&server, user).await;
        match user {
            "configurator" => assert!(answer(&redis, "PUBLISH any-prefix:hosts acme").await.is_ok()),
            _ => refused(&redis, user, "PUBLISH any-prefix:hosts acme").await,
        }
        refused(&redis, user, "PUBLISH elsewhere acme").await;
        let mut listener = Client::open(server.url_of(user, user)).unwrap().get_async_pubsub().await.unwrap();
        let heard = listener.subscribe("any-prefix:hosts").await;
        assert_eq!(heard.is_ok(), user == "product", "{user}: {heard:?}");
        assert_eq!(listener.subscribe("elsewhere").await.unwrap_err().code(), Some("NOPERM"), "{user}");
    }
}

/// The words of compose's command, without their quotes.
fn compose_command() -> Vec<String> {
    let compose = files::compose();
    let command = compose["services"]["redis"]["command"].as_str().unwrap();
    command.split_whitespace().map(|word| word.trim_matches('"').to_owned()).collect()
}

#[test]
fn compose_starts_redis_with_these_users() {
    let expected: Vec<_> = users()
        .iter()
        .flat_map(|(user, rights)| with_password(user, rights, &format!("${{{}_REDIS_PASSWORD}}", user.to_uppercase())))
        .collect();
    let command = compose_command();
    let first = command.iter().position(|word| word == "--user").unwrap();
    assert_eq!(command[first..], expected);
    assert_eq!(command[first - 2..first], ["--maxmemory-policy", "noeviction"]);
}

#[test]
fn each_service_logs_in_as_itself_in_compose() {
    let compose = files::compose();
    for name in files::served().into_keys() {
        let service = &compose["services"][&name];
        let program = files::program(service);
        let user = if files::SERVICES.contains(&program) { program } else { "product" };
        let url = service["environment"]["REDIS_URL"].as_str().unwrap();
        assert!(
            url.starts_with(&format!("redis://{user}:${{{}_REDIS_PASSWORD:?", user.to_uppercase())),
            "{name}: {url}"
        );
    }
}

#[test]
fn the_users_of_elasticache_are_these() {
    let readme = files::text("ecs/README.md");
    let written: Vec<_> = readme.lines().filter(|line| line.contains(" -@all ") && line.starts_with("| ")).collect();
    let expected: Vec<_> = users()
        .into_iter()
        .filter(|(user, _)| !["default", "admin"].contains(&user.as_str()))
        .map(|(user, rights)| format!("| `{user}` | `{rights}` |"))
        .collect();
    assert_eq!(written, expected);
    assert!(expected.len() == roster::NAMES.len() + 1 && readme.contains("`maxmemory-policy` to `noeviction`"));
}
