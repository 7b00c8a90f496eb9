//! The binary of the auth service.

use auth::{Auth, operator};
use clap::{Parser, Subcommand};
use std::process::ExitCode;

#[derive(Parser)]
#[command(version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    #[command(flatten)]
    Common(service_kit::cli::Command),
    /// Make the platform's own tenant and its first operator (OPERATOR_EMAIL, OPERATOR_PASSWORD), unless they are there.
    SeedOperator,
}

fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Common(command) => service_kit::cli::run::<Auth>(command),
        Command::SeedOperator => {
            common::crypto::install();
            service_kit::cli::with_config(operator::Seed::read, operator::seed)
        }
    }
}
