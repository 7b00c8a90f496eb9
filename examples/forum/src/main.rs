//! The binary of the forum.

use clap::{Parser, Subcommand};
use std::process::ExitCode;

#[derive(Parser)]
#[command(version, about = "A small forum, the example product")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    #[command(flatten)]
    Common(service_kit::cli::Command),
    /// Tell the platform of the version of the forum in BUNDLE_DIR.
    Publish,
}

fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Common(command) => service_kit::cli::run::<forum::Forum>(command),
        Command::Publish => {
            common::crypto::install();
            service_kit::cli::with_config(
                |env| product_kit::publish::Config::read(env, "forum"),
                product_kit::publish::run,
            )
        }
    }
}
