//! The binary of the permission service.

use clap::Parser;
use std::process::ExitCode;

#[derive(Parser)]
#[command(version, about = "Who may do what")]
struct Cli {
    #[command(subcommand)]
    command: common::cli::Command,
}

fn main() -> ExitCode {
    common::cli::run::<permission::PermissionService>(Cli::parse().command)
}
