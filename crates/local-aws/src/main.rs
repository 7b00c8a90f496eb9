//! `local-aws provision` makes the topics, the queues, the buckets and the sender of mail; `local-aws simulate` plays the mailbox
//! providers.

use anyhow::Context;
use clap::{Parser, Subcommand};
use common::{
    ambient::Ambient,
    crypto,
    telemetry::{LogFormat, init_logs},
};
use local_aws::{seen::Seen, sender::Ses, simulator::Simulator};
use messaging::{Aws, provision::provision};
use objects::Bucket;
use std::path::PathBuf;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// What the AWS emulator lacks; never used with AWS itself.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// What the names of all topics and queues begin with.
    #[arg(long, env = "RESOURCE_PREFIX", default_value = "sevenleague")]
    prefix: String,
    #[arg(long, env = "AWS_ACCOUNT_ID")]
    account_id: String,
    #[arg(long, env = "AWS_REGION")]
    region: String,
    /// Where the emulator listens.
    #[arg(long, env = "AWS_ENDPOINT_URL")]
    endpoint: String,
    /// json or text
    #[arg(long, env = "LOG_FORMAT", default_value = "json")]
    log_format: LogFormat,
    #[arg(long, env = "RUST_LOG", default_value = "info")]
    log_filter: String,
}

#[derive(Subcommand)]
enum Command {
    /// Create the topics, queues, subscriptions, buckets and the sender of mail; again changes nothing.
    Provision {
        /// Whom the mailer sends as; without it SES is left alone.
        #[arg(long, env = "MAIL_FROM")]
        mail_from: Option<String>,
        /// As the mailer has it; if not said, the prefix.
        #[arg(long, env = "SES_CONFIGURATION_SET")]
        configuration_set: Option<String>,
        /// Buckets of S3 for the objects of products, comma-separated.
        #[arg(long, env = "OBJECTS_BUCKETS", value_delimiter = ',')]
        buckets: Vec<String>,
    },
    /// Publish what becomes of sent mail, as SES would, until SIGTERM.
    Simulate {
        /// Remembers which mails were dealt with, through restarts.
        #[arg(long)]
        state: PathBuf,
    },
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    crypto::install();
    init_logs(arguments.log_format, &arguments.log_filter);
    let aws = Aws::from_env(&arguments.prefix, &arguments.account_id).await;
    match &arguments.command {
        Command::Provision { mail_from, configuration_set, buckets } => {
            provision(&aws).await?;
            if let Some(mail_from) = mail_from {
                let ses = Ses { endpoint: &arguments.endpoint, region: &arguments.region };
                ses.provision(mail_from, configuration_set.as_ref().unwrap_or(&arguments.prefix)).await?;
            }
            for bucket in buckets.iter().filter(|bucket| !bucket.is_empty()) {
                Bucket::from_env(bucket, Ambient::system()).await?.provision().await?;
            }
            tracing::info!(prefix = arguments.prefix, "Topics, queues, subscriptions and buckets are there");
            Ok(())
        }
        Command::Simulate { state } => {
            let seen = Seen::open(state).with_context(|| format!("opening {}", state.display()))?;
            let simulator = Simulator::new(
                &arguments.endpoint,
                &arguments.account_id,
                &arguments.region,
                aws.publisher(),
                Ambient::system(),
                seen,
            );
            simulator.run(stop()?).await;
            Ok(())
        }
    }
}

/// Is cancelled at SIGTERM or Ctrl-C.
fn stop() -> anyhow::Result<CancellationToken> {
    let token = CancellationToken::new();
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let stop = token.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        stop.cancel();
    });
    Ok(token)
}
