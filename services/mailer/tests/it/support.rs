//! What every test of the mailer needs: the service on a free port, an operator, and SES's view of what was sent.

use crate::gate::Gate;
use contracts::{
    id::TenantId,
    mails::{Mail, Notice},
    messages::SendMail,
};
use mailer::config::Settings;
use serde_json::{Value, json};
use service_kit::Config;
use std::{collections::HashMap, time::Duration};
use test_support::{TestAnswer, TestPlatform, TestServer, TestUser, eventually};

pub struct Running {
    // First, so that it stops before what it runs on is removed.
    pub server: TestServer,
    pub operator: TestUser,
    pub config: Config<Settings>,
    pub environment: HashMap<String, String>,
    pub platform: TestPlatform,
}

const EVERYTHING: &[&str] =
    &["mailer.readMessages", "mailer.sendMessages", "mailer.readSuppressions", "mailer.writeSuppressions"];

/// Thirty-two bytes in base64.
pub const KEY: &str = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";

pub async fn start() -> Running {
    start_with(|_| {}).await
}

/// With a gate before SES.
pub async fn start_behind_gate() -> (Gate, Running) {
    let gate = Gate::start().await;
    let url = gate.url.clone();
    let mailer = start_with(|variables| drop(variables.insert("AWS_ENDPOINT_URL_SESV2".into(), url))).await;
    (gate, mailer)
}

/// With an environment that `change` has changed.
pub async fn start_with(change: impl FnOnce(&mut HashMap<String, String>)) -> Running {
    let platform = TestPlatform::of::<mailer::Mailer>().await;
    let mut variables = platform.env();
    variables.insert("MAIL_FROM".into(), "Sevenleague <no-reply@sevenleague.test>".into());
    variables.insert("SES_CONFIGURATION_SET".into(), "mailer-tests".into());
    variables.insert("MAIL_ENCRYPTION_KEY".into(), KEY.into());
    change(&mut variables);
    let config = config(variables.clone());
    let operator = platform.user(platform.tenant(), EVERYTHING).await;
    bootstrap(&config).await;
    let server = platform.run_with::<mailer::Mailer>(config.clone()).await;
    Running { server, operator, config, environment: variables, platform }
}

/// What the mailer makes of an environment.
pub fn config(variables: HashMap<String, String>) -> Config<Settings> {
    let mut config = test_support::config::<mailer::Mailer>(variables);
    config.own.housekeeping = Duration::from_millis(200);
    config
}

/// Makes what must exist in SES before the first mail.
pub async fn bootstrap(config: &Config<Settings>) {
    let settings = mailer::config::Bootstrap {
        mail_from: config.own.mail_from.clone(),
        configuration_set: config.own.configuration_set.clone(),
        resource_prefix: config.base.resource_prefix.clone(),
        aws_account_id: config.base.aws_account_id.clone(),
    };
    mailer::bootstrap::run(&settings).await.expect("making SES's identity");
}

impl Running {
    /// An address that no other test writes to.
    pub fn address(&self) -> String {
        format!("{}@example.test", self.platform.ambient.uuid().simple())
    }

    pub fn notice(&self, key: &str, recipient: &str) -> Value {
        json!({"key": key, "template": "notice", "recipient": recipient,
            "variables": {"title": "Hello", "text": "It works."}})
    }

    pub async fn send(&self, mail: &Value) -> TestAnswer {
        self.server.post("/v1/messages", mail).bearer(&self.operator.token).repeated().await
    }

    pub async fn get(&self, path: &str) -> Value {
        self.server.get(path).bearer(&self.operator.token).await.expect(200)
    }

    /// A mail that a service orders for `tenant`, or for the platform itself.
    pub async fn order(&self, tenant: Option<TenantId>, key: &str, recipient: &str) -> SendMail {
        let (key, recipient) = (key.into(), recipient.into());
        let order = SendMail { key, recipient, mail: Notice::sample().into(), expires_at: None };
        self.platform.publish(tenant, &order).await;
        order
    }

    pub async fn find(&self, key: &str, recipient: &str) -> Value {
        let page = self.get(&format!("/v1/messages?recipient={recipient}")).await;
        page["items"]
            .as_array()
            .and_then(|mails| mails.iter().find(|mail| mail["key"] == key))
            .cloned()
            .unwrap_or_default()
    }

    pub async fn resend(&self, id: &Value, may_arrive_twice: bool) -> TestAnswer {
        let path = format!("/v1/messages/{}/resend", id.as_str().expect("an id"));
        let request = self.server.post(&path, &json!({"may_arrive_twice": may_arrive_twice}));
        request.bearer(&self.operator.token).repeated().await
    }

    /// The mail of that key once it has `status`; it must not end otherwise.
    pub async fn mail(&self, key: &str, recipient: &str, status: &str) -> Value {
        let reached = eventually(&format!("mail {key} is {status}"), async || {
            let mail = self.find(key, recipient).await;
            let ended = ["failed", "suppressed", "given_up"].contains(&mail["status"].as_str()?);
            (mail["status"] == status || ended).then_some(mail)
        })
        .await;
        assert_eq!(reached["status"], status, "{reached}");
        reached
    }

    /// As [`Running::with_status`], where answers may still be 503.
    pub async fn with_status_after_outage(&self, recipient: &str, status: &str) -> Value {
        eventually("the mailer answers again", async || {
            let answer = self.server.get("/v1/messages").bearer(&self.operator.token).await;
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
    let url =
        format!("{}/_ministack/ses/messages", std::env::var("AWS_ENDPOINT_URL").expect("set by cargo xtask test"));
    let all: Value = reqwest::get(url).await.expect("the emulator").json().await.expect("JSON");
    let accounts = all["messages"].as_object().expect("mails by account");
    accounts.values().filter_map(Value::as_array).flatten().filter(|mail| mail["To"][0] == recipient).cloned().collect()
}
