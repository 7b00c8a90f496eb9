//! Events about sent mail: do they reach the mailer's queue, once, through a restart? Against an AWS emulator.

use common::ambient::Ambient;
use local_aws::{seen::Seen, sender::Ses, simulator::Simulator};
use messaging::{Aws, provision};
use reqwest::Method;
use serde_json::{Value, json};
use std::{path::Path, time::Duration};

const QUEUE: &str = "mailer-feedback";
const DEADLINE: Duration = Duration::from_secs(30);

fn env(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} says what to test against"))
}

struct Emulator {
    http: reqwest::Client,
    domain: String,
}

impl Emulator {
    async fn call(&self, method: Method, path: &str, body: Value) -> Value {
        // The emulator takes the region and account from the signature's scope, and does not check the signature.
        let scope = format!(
            "AWS4-HMAC-SHA256 Credential=test/20260101/{}/ses/aws4_request, SignedHeaders=host, Signature=0",
            env("AWS_REGION")
        );
        let call = self
            .http
            .request(method, format!("{}/v2/email{path}", env("AWS_ENDPOINT_URL")))
            .header("Authorization", scope)
            .json(&body);
        call.send().await.unwrap().error_for_status().unwrap().json().await.unwrap()
    }

    async fn send(&self, recipient: &str) -> String {
        let content = json!({"Simple": {"Subject": {"Data": "Hello"}, "Body": {"Text": {"Data": "Hello"}}}});
        let mail = json!({"FromEmailAddress": format!("no-reply@{}", self.domain),
            "Destination": {"ToAddresses": [recipient]}, "Content": content});
        self.call(Method::POST, "/outbound-emails", mail).await["MessageId"].as_str().unwrap().to_owned()
    }
}

fn simulator(aws: &Aws, state: &Path) -> Simulator {
    Simulator::new(
        &env("AWS_ENDPOINT_URL"),
        &env("AWS_ACCOUNT_ID"),
        &env("AWS_REGION"),
        aws.publisher(),
        Ambient::system(),
        Seen::open(state).unwrap(),
    )
}

/// Takes events from the queue until `count` of these mails are there: type and message id.
async fn events(aws: &Aws, mails: &[String], count: usize) -> Vec<(String, String)> {
    let url = aws.queue_url(&aws.queue_name(QUEUE)).await.unwrap();
    let mut found = Vec::new();
    let collect = async {
        while found.len() < count {
            let receive = aws.sqs.receive_message().queue_url(&url).max_number_of_messages(10).wait_time_seconds(1);
            let answer = receive.send().await.unwrap();
            for message in answer.messages() {
                let event: Value = serde_json::from_str(message.body().unwrap()).unwrap();
                let text = |value: &Value| value.as_str().unwrap().to_owned();
                let (kind, id) = (text(&event["eventType"]), text(&event["mail"]["messageId"]));
                // Other tests send mail in the same account.
                if mails.contains(&id) {
                    found.push((kind, id));
                }
            }
        }
    };
    assert!(tokio::time::timeout(DEADLINE, collect).await.is_ok(), "waited in vain for {count} events, saw {found:?}");
    found
}

#[tokio::test]
async fn each_mail_has_its_events_once_even_after_a_restart() {
    let name = format!("local-aws-{}", &Ambient::system().uuid().simple().to_string()[20..]);
    let state = std::env::temp_dir().join(&name);
    let aws = Aws::from_env(&name, &env("AWS_ACCOUNT_ID")).await;
    provision::provision_for(&aws, &[QUEUE]).await.unwrap();
    let emulator = Emulator { http: reqwest::Client::new(), domain: format!("{name}.test") };
    emulator.call(Method::POST, "/identities", json!({"EmailIdentity": emulator.domain})).await;

    let bounced = emulator.send("bounce@simulator.amazonses.com").await;
    let complained = emulator.send("complaint@simulator.amazonses.com").await;
    simulator(&aws, &state).pass().await.unwrap();
    let sent_meanwhile = emulator.send("ada@acme.test").await;
    simulator(&aws, &state).pass().await.unwrap();

    let event = |kind: &str, id: &String| (kind.to_owned(), id.clone());
    let mut expected = vec![event("Send", &bounced), event("Bounce", &bounced)];
    expected.extend(["Send", "Delivery", "Complaint"].map(|kind| event(kind, &complained)));
    expected.extend(["Send", "Delivery"].map(|kind| event(kind, &sent_meanwhile)));
    let mut seen = events(&aws, &[bounced, complained, sent_meanwhile], expected.len()).await;
    seen.sort();
    expected.sort();
    assert_eq!(seen, expected);

    emulator.call(Method::DELETE, &format!("/identities/{}", emulator.domain), json!({})).await;
    provision::teardown(&aws).await.unwrap();
    std::fs::remove_file(state).unwrap();
}

/// As after a crash of the emulator, which keeps identities in memory only.
#[tokio::test]
async fn the_sender_comes_back() {
    let name = format!("local-aws-{}", &Ambient::system().uuid().simple().to_string()[20..]);
    let emulator = Emulator { http: reqwest::Client::new(), domain: format!("{name}.test") };
    let (endpoint, region) = (env("AWS_ENDPOINT_URL"), env("AWS_REGION"));
    let ses = Ses { endpoint: &endpoint, region: &region };
    let from = format!("Sevenleague <no-reply@{}>", emulator.domain);
    for _ in 0..2 {
        ses.provision(&from, &name).await.unwrap();
        ses.provision(&from, &name).await.expect("again changes nothing");
        emulator.send("ada@acme.test").await;
        emulator.call(Method::GET, &format!("/configuration-sets/{name}"), json!({})).await;
        emulator.call(Method::DELETE, &format!("/identities/{}", emulator.domain), json!({})).await;
        emulator.call(Method::DELETE, &format!("/configuration-sets/{name}"), json!({})).await;
    }
}
