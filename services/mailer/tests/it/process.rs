//! The binary as ECS runs it: a wrong environment, the logs, and the order to stop.

use crate::support::KEY;
use serde_json::Value;
use std::{
    collections::HashMap,
    io::{BufRead, BufReader},
    process::{Command, Stdio},
};
use test_support::{RedisServer, TestPlatform, eventually};

fn binary(environment: &HashMap<String, String>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mailer"));
    let aws = std::env::vars().filter(|(name, _)| name.starts_with("AWS_"));
    command.arg("serve").env_clear().envs(aws).envs(environment);
    command
}

fn mail_settings() -> [(String, String); 2] {
    [("MAIL_FROM", "a@sevenleague.test"), ("MAIL_ENCRYPTION_KEY", KEY)]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
}

#[test]
fn a_wrong_environment_is_told_at_once_and_exits_with_2() {
    let wrong = HashMap::from([
        ("LISTEN_ADDR".to_owned(), "nowhere".to_owned()),
        ("DATABASE_MAX_CONNECTIONS".to_owned(), "many".to_owned()),
    ]);
    let output = binary(&wrong).env_remove("AWS_REGION").output().expect("running the binary");
    let message = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{message}");
    for fault in [
        "LISTEN_ADDR: ",
        "DATABASE_MAX_CONNECTIONS: ",
        "DATABASE_URL is missing",
        "CLIENT_SECRET is missing",
        "MAIL_FROM is missing",
        "MAIL_ENCRYPTION_KEY is missing",
        "AWS_REGION is missing",
    ] {
        assert!(message.contains(fault), "'{fault}' not in: {message}");
    }
}

#[tokio::test]
async fn it_logs_json_and_stops_in_order_when_told() {
    let platform = TestPlatform::of::<mailer::Mailer>().await;
    let mut environment = platform.env();
    environment.extend(mail_settings());
    let mut process = binary(&environment).stdout(Stdio::piped()).spawn().expect("running the binary");
    let mut lines =
        BufReader::new(process.stdout.take().expect("its output")).lines().map(|line| line.expect("a line"));
    let listening = lines
        .by_ref()
        .find_map(|line| serde_json::from_str::<Value>(&line).ok().filter(|line| line["message"] == "listening"))
        .expect("it listens");
    let (api, ops) =
        (listening["address"].as_str().expect("an address"), listening["ops_address"].as_str().expect("an address"));
    eventually("the mailer is ready", async || {
        reqwest::get(format!("http://{ops}/readyz")).await.ok().filter(|answer| answer.status() == 200)
    })
    .await;

    let request =
        reqwest::Client::new().get(format!("http://{api}/v1/messages")).header("x-request-id", "told-by-the-caller");
    let token = platform.user(platform.tenant(), &["mailer.readMessages"]).await;
    assert_eq!(request.bearer_auth(&token.token).send().await.expect("an answer").status(), 200);
    let line = lines
        .by_ref()
        .map(|line| serde_json::from_str::<Value>(&line).expect("JSON"))
        .find(|line| line["message"] == "request answered")
        .expect("a log line");
    let span = &line["span"];
    assert_eq!(
        (&line["status"], &span["request_id"], &span["route"]),
        (&200.into(), &"told-by-the-caller".into(), &"/v1/messages".into()),
        "{line}"
    );
    assert_eq!(span["tenant"], token.tenant.to_string(), "{line}");
    let metrics = reqwest::get(format!("http://{ops}/metrics")).await.expect("an answer").text().await.expect("a text");
    assert!(
        metrics.contains(r#"http_requests_total{service="mailer",method="GET",route="/v1/messages",status="200"} 1"#),
        "{metrics}"
    );

    let killed = Command::new("kill").args(["-TERM", &process.id().to_string()]).status().expect("telling it to stop");
    assert!(killed.success());
    assert!(lines.any(|line| line.contains("stopped")));
    assert_eq!(process.wait().expect("its end").code(), Some(0));
}

/// Its log, from the start until it has been ready for a request and was told to stop.
async fn log_with_redis(policy: &str) -> Vec<Value> {
    let redis = RedisServer::start(&["--maxmemory-policy", policy]).await;
    let platform = TestPlatform::of::<mailer::Mailer>().await;
    let mut environment = platform.env();
    environment.extend(mail_settings());
    environment.insert("REDIS_URL".into(), redis.url());
    let mut process = binary(&environment).stdout(Stdio::piped()).spawn().expect("running the binary");
    let lines = BufReader::new(process.stdout.take().expect("its output")).lines();
    let mut lines = lines.map(|line| serde_json::from_str::<Value>(&line.expect("a line")).expect("JSON"));
    let mut log = Vec::new();
    let ops = loop {
        log.push(lines.next().expect("it listens"));
        let line = &log[log.len() - 1];
        if line["message"] == "listening" {
            break line["ops_address"].as_str().expect("an address").to_owned();
        }
    };
    let evicts = async || {
        let metrics = reqwest::get(format!("http://{ops}/metrics")).await.ok()?.text().await.ok()?;
        metrics.contains("redis_evicts ").then_some(metrics)
    };
    let metrics = eventually("Redis was asked for its policy", evicts).await;
    assert!(metrics.contains(if policy == "noeviction" { "redis_evicts 0" } else { "redis_evicts 1" }), "{metrics}");
    assert!(
        Command::new("kill").args(["-TERM", &process.id().to_string()]).status().expect("telling it to stop").success()
    );
    log.extend(lines);
    assert!(process.wait().expect("its end").success());
    log
}

#[tokio::test]
async fn it_says_once_that_redis_may_evict_sessions() {
    let log = log_with_redis("volatile-lru").await;
    let warnings: Vec<_> = log.iter().filter(|line| line["maxmemory_policy"] == "volatile-lru").collect();
    assert_eq!(warnings.len(), 1, "{log:?}");
    assert_eq!(warnings[0]["level"], "WARN", "{log:?}");
    let log = log_with_redis("noeviction").await;
    assert!(!log.iter().any(|line| line["maxmemory_policy"].is_string()), "{log:?}");
}

/// In a container whose role was taken away, say: nothing left the process, so nothing is unknown.
#[tokio::test]
async fn without_credentials_mail_waits_and_says_why() {
    let platform = TestPlatform::of::<mailer::Mailer>().await;
    let mut environment = platform.env();
    environment.extend(mail_settings());
    environment.insert("AWS_EC2_METADATA_DISABLED".into(), "true".into());
    let mut command = binary(&environment);
    let mut process =
        command.env_remove("AWS_ACCESS_KEY_ID").stdout(Stdio::piped()).spawn().expect("running the binary");
    let mut lines = BufReader::new(process.stdout.take().expect("its output")).lines();
    let listening = lines
        .find_map(|line| serde_json::from_str::<Value>(&line.ok()?).ok().filter(|line| line["message"] == "listening"));
    let api = format!("http://{}", listening.as_ref().and_then(|line| line["address"].as_str()).expect("it listens"));
    let drained = std::thread::spawn(move || lines.count());

    let operator = platform.user(platform.tenant(), &["mailer.sendMessages", "mailer.readMessages"]).await;
    let http = reqwest::Client::new();
    let mail = serde_json::json!({"key": "k", "template": "notice", "recipient": "ada@example.test", "variables": {"title": "a", "text": "b"}});
    eventually("the mail is taken", async || {
        let taken =
            http.post(format!("{api}/v1/messages")).bearer_auth(&operator.token).json(&mail).send().await.ok()?;
        (taken.status() == 202).then_some(())
    })
    .await;
    let get = async |path: &str| {
        http.get(format!("{api}{path}")).bearer_auth(&operator.token).send().await.ok()?.json::<Value>().await.ok()
    };
    let state =
        eventually("it is said", async || get("/v1/sending").await.filter(|state| state["state"] == "stopped")).await;
    assert_eq!(state["code"], "no_credentials", "{state}");
    assert_eq!(get("/v1/messages").await.expect("an answer")["items"][0]["status"], "queued");
    assert!(
        Command::new("kill").args(["-TERM", &process.id().to_string()]).status().expect("telling it to stop").success()
    );
    assert!(process.wait().expect("its end").success());
    assert!(drained.join().is_ok());
}
