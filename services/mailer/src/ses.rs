//! What does SES say to one mail? It is called once: whoever repeats a call that timed out may send twice.

use crate::{config::Config, templates::Rendered};
use aws_config::{BehaviorVersion, retry::RetryConfig, timeout::TimeoutConfig};
use aws_sdk_sesv2::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    types::{Body, Content, Destination, EmailContent, Message, MessageTag},
};
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

/// What came of handing a mail over.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// SES took it and calls it so.
    Accepted(String),
    /// It certainly did not leave; later may be better.
    Later(String),
    /// SES refuses it for good.
    Refused(String),
    /// It may have left.
    Unknown(String),
}

impl Ses {
    /// Region, endpoint and credentials come from the SDK's usual places; its retries are off.
    pub async fn from_env(config: &Config) -> Self {
        let timeouts = TimeoutConfig::builder().connect_timeout(Duration::from_secs(3)).operation_timeout(CALL_TIMEOUT).build();
        let sdk = aws_config::defaults(BehaviorVersion::latest()).retry_config(RetryConfig::disabled()).timeout_config(timeouts).load().await;
        Self { client: Client::new(&sdk), from: config.mail_from.clone(), configuration_set: config.configuration_set.clone() }
    }

    /// Hands one mail over (<https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html>).
    pub async fn send(&self, ledger_id: Uuid, recipient: &str, mail: &Rendered) -> Outcome {
        let request = match self.content(mail).and_then(|content| Ok((content, MessageTag::builder().name(LEDGER_TAG).value(ledger_id.to_string()).build()?))) {
            Ok((content, tag)) => self.client.send_email().content(content).email_tags(tag),
            Err(error) => return Outcome::Refused(error.to_string()),
        };
        let request = request.from_email_address(&self.from).destination(Destination::builder().to_addresses(recipient).build());
        match request.configuration_set_name(&self.configuration_set).send().await {
            Ok(answer) => Outcome::Accepted(answer.message_id.unwrap_or_default()),
            Err(error) => judge(&error),
        }
    }

    fn content(&self, mail: &Rendered) -> Result<EmailContent, aws_sdk_sesv2::error::BuildError> {
        let part = |text: &str| Content::builder().data(text).charset("UTF-8").build();
        let body = Body::builder().html(part(&mail.html)?).text(part(&mail.text)?).build();
        Ok(EmailContent::builder().simple(Message::builder().subject(part(&mail.subject)?).body(body).build()).build())
    }
}

fn judge<E: ProvideErrorMetadata + Error + 'static, R: std::fmt::Debug + 'static>(error: &SdkError<E, R>) -> Outcome {
    let reason = common::problem::Chain(error).to_string();
    match error {
        SdkError::ServiceError(refusal) => match refusal.err().code() {
            Some("TooManyRequestsException" | "LimitExceededException" | "ThrottlingException" | "SendingPausedException") => Outcome::Later(reason),
            Some(_) => Outcome::Refused(refusal.err().message().unwrap_or(&reason).to_owned()),
            // An answer that is not SES's, such as a proxy's 502.
            None => Outcome::Unknown(reason),
        },
        SdkError::ConstructionFailure(_) => Outcome::Refused(reason),
        SdkError::DispatchFailure(_) if never_connected(error) => Outcome::Later(reason),
        _ => Outcome::Unknown(reason),
    }
}

/// Whether the connection was refused, so that nothing was said on it.
fn never_connected(error: &(dyn Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == std::io::ErrorKind::ConnectionRefused) {
            return true;
        }
        next = error.source();
    }
    false
}
