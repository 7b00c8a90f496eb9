//! The binary of the configurator service.

use clap::Parser;
use std::process::ExitCode;

#[derive(Parser)]
#[command(version, about = "Product services, and each tenant's instances of them")]
struct Cli {
    #[command(subcommand)]
    command: service_kit::cli::Command,
}

fn main() -> ExitCode {
    service_kit::cli::run::<configurator::Configurator>(Cli::parse().command)
}
