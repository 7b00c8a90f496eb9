//! The binary of the billing service.

use clap::Parser;
use std::process::ExitCode;

#[derive(Parser)]
#[command(version, about = "Usage, rates, cycles and invoices")]
struct Cli {
    #[command(subcommand)]
    command: service_kit::cli::Command,
}

fn main() -> ExitCode {
    service_kit::cli::run::<billing::Billing>(Cli::parse().command)
}
