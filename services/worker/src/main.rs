//! The binary of the worker service.

use clap::Parser;
use std::process::ExitCode;

#[derive(Parser)]
#[command(version, about = "Runs background work, each job by one worker at a time")]
struct Cli {
    #[command(subcommand)]
    command: service_kit::cli::Command,
}

fn main() -> ExitCode {
    service_kit::cli::run::<worker::Worker>(Cli::parse().command)
}
