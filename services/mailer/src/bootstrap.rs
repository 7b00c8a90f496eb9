//! The command that makes what must exist in SES before the first mail: the sender's identity, a configuration set, and
//! its events on our topic.
//!
//! Doing it again changes nothing. On AWS the identity's DKIM records must then be put into the domain's DNS
//! (<https://docs.aws.amazon.com/ses/latest/dg/creating-identities.html>).

use crate::config::Bootstrap;
use anyhow::{Context, Result};
use aws_config::BehaviorVersion;
use aws_sdk_sesv2::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    types::{EventDestinationDefinition, EventType, SnsDestination},
};
use common::config::Env;
use contracts::topology::Topic;
use service_kit::{Command, cli::with_config};

const DESTINATION: &str = "ses-feedback";

/// The command.
pub const BOOTSTRAP: Command = Command {
    name: "bootstrap",
    about: "Make SES's identity, configuration set and event destination, as far as they are missing",
    argument: None,
    settings: || Env::questions(Bootstrap::read),
    run: |_| with_config(Bootstrap::read, async |settings| run(&settings).await),
};

pub async fn run(settings: &Bootstrap) -> Result<()> {
    let configuration_set = settings.configuration_set.as_ref().unwrap_or(&settings.resource_prefix);
    let sdk = aws_config::defaults(BehaviorVersion::latest()).load().await;
    let region = sdk.region().context("AWS_REGION is missing")?.to_string();
    let ses = Client::new(&sdk);
    let topic_arn = format!(
        "arn:aws:sns:{region}:{}:{}-{}",
        settings.aws_account_id,
        settings.resource_prefix,
        Topic::SesFeedback.name()
    );
    create(ses.create_email_identity().email_identity(domain(&settings.mail_from)?).send().await)
        .context("creating the identity")?;
    create(ses.create_configuration_set().configuration_set_name(configuration_set).send().await)
        .context("creating the configuration set")?;
    // SES's own list holds for the whole account: who calls one tenant's mail spam would get no log-in mail either.
    // Ours knows whose mail it was.
    let own_list = ses.put_configuration_set_suppression_options().configuration_set_name(configuration_set);
    own_list
        .set_suppressed_reasons(Some(Vec::new()))
        .send()
        .await
        .context("turning off the account's suppression list")?;
    let destination = EventDestinationDefinition::builder()
        .enabled(true)
        .set_matching_event_types(Some(vec![
            EventType::Send,
            EventType::Delivery,
            EventType::Bounce,
            EventType::Complaint,
            EventType::Reject,
            EventType::RenderingFailure,
        ]))
        .sns_destination(SnsDestination::builder().topic_arn(topic_arn).build()?)
        .build();
    let request = ses.create_configuration_set_event_destination().configuration_set_name(configuration_set);
    create(request.event_destination_name(DESTINATION).event_destination(destination).send().await)
        .context("creating the event destination")
}

/// That a thing exists already is as good as having made it.
fn create<
    T,
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
>(
    outcome: Result<T, SdkError<E, R>>,
) -> Result<()> {
    match outcome {
        Err(error) if error.code() != Some("AlreadyExistsException") => Err(error.into()),
        _ => Ok(()),
    }
}

/// The domain of `Acme <no-reply@acme.example>`.
fn domain(mail_from: &str) -> Result<&str> {
    let address = mail_from.rsplit_once('<').map_or(mail_from, |(_, rest)| rest).trim_end_matches('>').trim();
    let (_, domain) = address.rsplit_once('@').context("MAIL_FROM must hold an e-mail address")?;
    Ok(domain)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_domain_of_a_sender() {
        assert_eq!(super::domain("Acme <no-reply@acme.example>").unwrap(), "acme.example");
        assert_eq!(super::domain("a@b.test").unwrap(), "b.test");
        assert!(super::domain("nobody").is_err());
    }
}
