//! The binary of the mailer service.

use clap::{Parser, Subcommand};
use std::process::ExitCode;

#[derive(Parser)]
#[command(version, about = "Sends mail through SES, once each")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    #[command(flatten)]
    Common(service_kit::cli::Command),
    /// Make SES's identity, configuration set and event destination, as far as they are missing.
    Bootstrap,
}

fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Common(command) => service_kit::cli::run::<mailer::Mailer>(command),
        Command::Bootstrap => service_kit::cli::with_config(mailer::config::read_bootstrap, async |settings| {
            mailer::bootstrap::run(&settings).await
        }),
    }
}
