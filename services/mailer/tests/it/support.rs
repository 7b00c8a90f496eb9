//! What every test of the mailer needs: the service on a free port, an operator, and SES's view of what was sent.

use common::config::Env;
use serde_json::{Value, json};
use std::collections::HashMap;
use test_support::{TestPlatform, TestServer, TestUser, eventually};

pub struct Running {
    // First, so that it stops before what it runs on is removed.
    pub server: TestServer,
    pub operator: TestUser,
    pub platform: TestPlatform,
}

const EVERYTHING: &[&str] = &["mailer.readMessages", "mailer.sendMessages", "mailer.readSuppressions", "mailer.writeSuppressions"];

pub async fn start() -> Running {
    start_with(|_| {}).await
}

/// With an environment that `change` has changed.
pub async fn start_with(change: impl FnOnce(&mut HashMap<String, String>)) -> Running {
    let platform = TestPlatform::start("mailer", &mailer::MIGRATOR).await;
    let mut variables = platform.env();
    variables.insert("MAIL_FROM".into(), "Sevenleague <no-reply@sevenleague.test>".into());
    variables.insert("SES_CONFIGURATION_SET".into(), "mailer-tests".into());
    change(&mut variables);
    let mut env = Env::new(variables);
    let config = mailer::config::read(&mut env);
    let config = env.finish(config).expect("a complete environment");
    mailer::bootstrap::run(&mailer::config::Bootstrap {
        mail_from: config.mail_from.clone(),
        configuration_set: config.configuration_set.clone(),
        resource_prefix: config.base.resource_prefix.clone(),
        aws_account_id: config.base.aws_account_id.clone(),
    })
    .await
    .expect("making SES's identity");
    let server = platform.serve(|lifecycle, bound, ambient| mailer::start(config, bound, ambient, lifecycle)).await;
    let operator = platform.user(platform.tenant(), EVERYTHING).await;
    Running { server, operator, platform }
}

impl Running {
    /// An address that no other test writes to.
    pub fn address(&self) -> String {
        format!("{}@example.test", self.platform.ambient.uuid().simple())
    }

    pub fn notice(&self, key: &str, recipient: &str) -> Value {
        json!({"key": key, "template": "notice", "recipient": recipient, "variables": {"title": "Hello", "text": "It works."}})
    }

    pub async fn send(&self, mail: &Value) -> test_support::TestAnswer {
        self.server.post("/v1/messages", mail).bearer(&self.operator.token).send().await
    }

    pub async fn get(&self, path: &str) -> Value {
        self.server.get(path).bearer(&self.operator.token).send().await.expect(200)
    }

    /// As [`Running::with_status`], where answers may still be 503.
    pub async fn with_status_after_outage(&self, recipient: &str, status: &str) -> Value {
        eventually("the mailer answers again", async || {
            let answer = self.server.get("/v1/messages").bearer(&self.operator.token).send().await;
            (answer.status == 200).then_some(())
        })
        .await;
        self.with_status(recipient, status).await
    }

    /// The mails to `recipient` once there is one with `status`.
    pub async fn with_status(&self, recipient: &str, status: &str) -> Value {
        eventually(&format!("a mail to {recipient} is {status}"), async || {
            let page = self.get(&format!("/v1/messages?recipient={recipient}")).await;
            page["items"].as_array()?.iter().find(|mail| mail["status"] == status).cloned()
        })
        .await
    }
}

/// What SES was handed for `recipient`.
pub async fn handed_to_ses(recipient: &str) -> Vec<Value> {
    let url = format!("{}/_ministack/ses/messages", std::env::var("AWS_ENDPOINT_URL").expect("set by cargo xtask test"));
    let all: Value = reqwest::get(url).await.expect("the emulator").json().await.expect("JSON");
    let accounts = all["messages"].as_object().expect("mails by account");
    accounts.values().filter_map(Value::as_array).flatten().filter(|mail| mail["To"][0] == recipient).cloned().collect()
}
