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
    Common(common::cli::Command),
    /// Make SES's identity, configuration set and event destination, as far as they are missing.
    Bootstrap,
}

fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Common(command) => common::cli::run::<mailer::Mailer>(command),
        Command::Bootstrap => common::cli::with_config(mailer::config::read_bootstrap, async |settings| {
            mailer::bootstrap::run(&settings).await
        }),
    }
}
