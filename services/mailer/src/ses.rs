//! Client of SES. It is called once a mail: whoever repeats a call that timed out may send twice.

pub mod answers;

use crate::{config::Settings, templates::Rendered};
use answers::{Answer, Verdict};
use aws_config::{BehaviorVersion, retry::RetryConfig, timeout::TimeoutConfig};
use aws_sdk_sesv2::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    operation::send_email::SendEmailError,
    types::{Body, Content, Destination, EmailContent, Message, MessageHeader, MessageTag},
};
use common::problem::Chain;
use contracts::public_url::PublicUrl;
use std::{error::Error, time::Duration};
use uuid::Uuid;

/// After this the outcome is unknown.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);
/// Tag by which SES's events name the ledger's row.
pub const LEDGER_TAG: &str = "ledger_id";

#[derive(Clone)]
pub struct Ses {
    client: Client,
    from: String,
    configuration_set: String,
}

/// SES has the mail, and calls it so.
pub type Accepted = Option<String>;

/// SES has not taken the mail, as far as we know.
#[derive(Debug, PartialEq, Eq)]
pub struct Refusal {
    pub verdict: Verdict,
    /// SES's error code, or what we call the fault.
    pub code: String,
    pub reason: String,
}

impl Refusal {
    pub fn new(verdict: Verdict, code: &str, reason: impl Into<String>) -> Self {
        Self { verdict, code: code.to_owned(), reason: reason.into() }
    }
}

impl Ses {
    /// Region, endpoint and credentials come from the SDK's usual places; its retries are off.
    pub async fn from_env(settings: &Settings, configuration_set: String) -> Self {
        let timeouts =
            TimeoutConfig::builder().connect_timeout(Duration::from_secs(3)).operation_timeout(CALL_TIMEOUT).build();
        let sdk = aws_config::defaults(BehaviorVersion::latest())
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts)
            .load()
            .await;
        let mut own = aws_sdk_sesv2::config::Builder::from(&sdk);
        own.set_endpoint_url(settings.ses_endpoint.clone().or_else(|| sdk.endpoint_url().map(str::to_owned)));
        Self { client: Client::from_conf(own.build()), from: settings.mail_from.clone(), configuration_set }
    }

    /// Hands one mail over (<https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html>).
    pub async fn send(&self, ledger_id: Uuid, recipient: &str, mail: &Rendered) -> Result<Accepted, Refusal> {
        let broken =
            |error: aws_sdk_sesv2::error::BuildError| Refusal::new(Verdict::Held, "not_built", error.to_string());
        let tag = MessageTag::builder().name(LEDGER_TAG).value(ledger_id.to_string()).build().map_err(broken)?;
        let request = self.client.send_email().content(content(mail).map_err(broken)?).email_tags(tag);
        let request =
            request.from_email_address(&self.from).destination(Destination::builder().to_addresses(recipient).build());
        let answer = request.configuration_set_name(&self.configuration_set).send().await;
        answer.map(|answer| answer.message_id).map_err(|error| judge(&error, recipient))
    }
}

fn content(mail: &Rendered) -> Result<EmailContent, aws_sdk_sesv2::error::BuildError> {
    let part = |text: &str| Content::builder().data(text).charset("UTF-8").build();
    let body = Body::builder().html(part(&mail.html)?).text(part(&mail.text)?).build();
    let headers = mail.refuse_link.as_ref().map(one_click_refusal).transpose()?;
    let message = Message::builder().subject(part(&mail.subject)?).body(body).set_headers(headers);
    Ok(EmailContent::builder().simple(message.build()).build())
}

/// Lets mail programs offer "unsubscribe", and do it by one POST to the link (RFC 2369 §3.2, RFC 8058 §3.1).
fn one_click_refusal(link: &PublicUrl) -> Result<Vec<MessageHeader>, aws_sdk_sesv2::error::BuildError> {
    let header = |name: &str, value: String| MessageHeader::builder().name(name).value(value).build();
    Ok(vec![
        header("List-Unsubscribe", format!("<{link}>"))?,
        header("List-Unsubscribe-Post", "List-Unsubscribe=One-Click".into())?,
    ])
}

fn judge(error: &SdkError<SendEmailError>, recipient: &str) -> Refusal {
    let chain = Chain(error).to_string();
    match error {
        SdkError::ServiceError(refusal) => {
            let (code, message) = (refusal.err().code(), refusal.err().message().unwrap_or_default());
            let status = refusal.raw().status().as_u16();
            let verdict = Answer { status, code, message, recipient }.verdict();
            let reason = if message.is_empty() { format!("SES answered {status}") } else { message.to_owned() };
            Refusal { verdict, code: code.map_or_else(|| format!("http_{status}"), str::to_owned), reason }
        }
        // Built from a mail that was checked: the fault is in the settings, such as a region that does not exist.
        SdkError::ConstructionFailure(_) => Refusal::new(Verdict::Ours, "not_built", chain),
        SdkError::DispatchFailure(failure) => undispatched(error, failure.is_other(), chain),
        _ => Refusal::new(Verdict::Unknown, "no_answer", chain),
    }
}

/// Without an answer, how far did the call get?
fn undispatched(error: &(dyn Error + 'static), unclassified: bool, chain: String) -> Refusal {
    match source_of::<hyper_util::client::legacy::Error>(error) {
        Some(http) if http.is_connect() => Refusal::new(Verdict::Passing, "no_connection", chain),
        Some(_) => Refusal::new(Verdict::Unknown, "no_answer", chain),
        // No HTTP at all: there were no credentials to sign the call with.
        None if unclassified => Refusal::new(Verdict::Ours, "no_credentials", chain),
        None => Refusal::new(Verdict::Unknown, "no_answer", chain),
    }
}

fn source_of<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        next = error.source();
    }
    None
}
