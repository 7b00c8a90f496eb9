//! The binary of the permission service.

use clap::{Parser, Subcommand};
use permission::{PermissionService, assertions};
use std::{path::PathBuf, process::ExitCode};

#[derive(Parser)]
#[command(version, about = "Who may do what")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    #[command(flatten)]
    Common(service_kit::cli::Command),
    /// Check a YAML file of who may do what against the service at PERMISSION_URL, as the bearer of PERMISSION_TOKEN.
    Assert { file: PathBuf },
}

#[expect(clippy::print_stdout, reason = "a command that says what it found")]
fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Common(command) => service_kit::cli::run::<PermissionService>(command),
        Command::Assert { file } => {
            common::crypto::install();
            let read = |env: &mut common::config::Env| assertions::Settings::read(env, file);
            service_kit::cli::with_config(read, async |settings| {
                println!("{} assertions hold", assertions::hold(&settings).await?);
                Ok(())
            })
        }
    }
}
