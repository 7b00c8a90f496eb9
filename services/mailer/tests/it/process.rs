//! The binary as ECS runs it: a wrong environment, the logs, and the order to stop.

use crate::support::KEY;
use serde_json::Value;
use std::{
    collections::HashMap,
    io::{BufRead, BufReader, Lines},
    process::{Child, ChildStdout, Command, Stdio},
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

/// The binary while it runs.
struct Process {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    api: String,
    ops: String,
    /// What it has logged until it listened.
    log: Vec<Value>,
}

impl Process {
    /// Waits until it listens.
    fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().expect("running the binary");
        let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let mut log: Vec<Value> = Vec::new();
        while log.last().is_none_or(|line| line["message"] != "The service listens") {
            log.push(json(lines.next().expect("it listens")));
        }
        let address = |name: &str| format!("http://{}", log[log.len() - 1][name].as_str().expect("an address"));
        Self { api: address("address"), ops: address("ops_address"), child, lines, log }
    }

    /// Tells it to stop, waits for its end, and gives the rest of its log.
    fn stop(mut self) -> Vec<Value> {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().expect("telling it to stop").success());
        let rest = self.lines.map(json).collect();
        assert_eq!(self.child.wait().expect("its end").code(), Some(0));
        rest
    }
}

fn json(line: std::io::Result<String>) -> Value {
    serde_json::from_str(&line.expect("a line")).expect("JSON")
}

/// What it says at a path of its second listener, once that is so.
async fn told(process: &Process, path: &str, is_so: impl Fn(&str) -> bool) -> String {
    let url = format!("{}{path}", process.ops);
    eventually(path, async || {
        let answer = reqwest::get(&url).await.ok().filter(|answer| answer.status() == 200)?;
        answer.text().await.ok().filter(|text| is_so(text))
    })
    .await
}

#[tokio::test]
async fn it_logs_json_and_stops_in_order_when_told() {
    let platform = TestPlatform::of::<mailer::Mailer>().await;
    let mut environment = platform.env();
    environment.extend(mail_settings());
    let mut process = Process::start(binary(&environment));
    told(&process, "/readyz", |_| true).await;

    let request = reqwest::Client::new().get(format!("{}/v1/messages", process.api));
    let token = platform.user(platform.tenant(), &["mailer.readMessages"]).await;
    let request = request.header("x-request-id", "told-by-the-caller").bearer_auth(&token.token);
    assert_eq!(request.send().await.expect("an answer").status(), 200);
    let mut lines = process.lines.by_ref().map(json);
    let line = lines.find(|line| line["message"] == "A request was answered").expect("a log line");
    let span = &line["span"];
    assert_eq!(
        (&line["status"], &span["request_id"], &span["route"]),
        (&200.into(), &"told-by-the-caller".into(), &"/v1/messages".into()),
        "{line}"
    );
    assert_eq!(span["tenant"], token.tenant.to_string(), "{line}");
    let counted = r#"http_requests_total{service="mailer",method="GET",route="/v1/messages",status="200"} 1"#;
    told(&process, "/metrics", |metrics| metrics.contains(counted)).await;
    assert!(process.stop().iter().any(|line| line["message"] == "The service has stopped"));
}

/// Its log, from the start until it was asked for its metrics and told to stop.
async fn log_with_redis(policy: &str) -> Vec<Value> {
    let redis = RedisServer::start(&["--maxmemory-policy", policy]).await;
    let platform = TestPlatform::of::<mailer::Mailer>().await;
    let mut environment = platform.env();
    environment.extend(mail_settings());
    environment.insert("REDIS_URL".into(), redis.url());
    let mut process = Process::start(binary(&environment));
    let metrics = told(&process, "/metrics", |metrics| metrics.contains("redis_evicts ")).await;
    assert!(metrics.contains(if policy == "noeviction" { "redis_evicts 0" } else { "redis_evicts 1" }), "{metrics}");
    let mut log = std::mem::take(&mut process.log);
    log.extend(process.stop());
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
    command.env_remove("AWS_ACCESS_KEY_ID");
    let process = Process::start(command);
    let api = process.api.clone();

    let operator = platform.user(platform.tenant(), &["mailer.sendMessages", "mailer.readMessages"]).await;
    let http = reqwest::Client::new();
    let mail = serde_json::json!({"key": "k", "template": "notice", "recipient": "ada@example.test",
        "variables": {"title": "a", "text": "b"}});
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
    process.stop();
}
