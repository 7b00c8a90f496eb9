//! The end-to-end tests: the tour, which tells the platform's story, the chaos, which tries its two promises while
//! things die, and those of frontends.
//!
//! Black boxes, over HTTP. Started by `cargo xtask tour | chaos | frontend | test`.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command-line tool talks to the person who called it")]

mod chaos;
mod frontend;
mod tour;

use anyhow::Result;
use clap::{Parser, Subcommand};
use local_stack::{Options, Stack, tools::Need};
use std::{path::PathBuf, process::ExitCode};

#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", disable_help_subcommand = true)]
struct Cli {
    /// Folder for data, logs and the virtual environment, as of `cargo xtask up`
    #[arg(long, global = true, env = "SEVENLEAGUE_DATA")]
    data: Option<PathBuf>,
    #[command(subcommand)]
    proof: Proof,
}

#[derive(Subcommand)]
enum Proof {
    /// Walk the story of the platform over HTTP, against the stack that `up` runs or, without one, a stack of its own
    Tour {
        /// Start a stack for the tour even if one is running
        #[arg(long)]
        own: bool,
        /// PDF files that two tenants each order at once, one of them ten a minute
        #[arg(long, default_value_t = tour::FILES)]
        files: usize,
    },
    /// Kill, restart and cut off processes while permissions are given and taken, and while messages and jobs are on
    /// their way; count who was still allowed what was taken, and what was lost or had an effect twice
    Chaos(chaos::Options),
    /// Try the client and the example page in Node.js and in Chromium
    Frontend,
    /// The tour, then the chaos among the same processes, then the frontends
    #[command(hide = true)]
    All,
}

// One thread: a child asks to be told when the thread that started it ends, so that thread must be the one that lives
// as long as we do.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    let passed = match cli.proof {
        Proof::Tour { own, files } => tour::run(cli.data, own, files).await,
        Proof::Chaos(options) => own_stack(cli.data, "chaos", async |stack| chaos(stack, &options).await).await,
        Proof::Frontend => frontend::run(cli.data).await,
        Proof::All => all(cli.data).await,
    };
    match passed {
        Ok(Some(true)) => ExitCode::SUCCESS,
        Ok(Some(false)) => ExitCode::FAILURE,
        Ok(None) => local_stack::INTERRUPTED.into(),
        Err(error) => {
            eprintln!("\nerror: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn all(data: Option<PathBuf>) -> Result<Option<bool>> {
    let Some(proved) = own_stack(data.clone(), "proofs", both).await? else { return Ok(None) };
    Ok(frontend::run(data).await?.map(|passed| passed && proved))
}

/// On a stack with two Redis, one of which can be lost, and with gates; `None` if somebody pressed Ctrl-C.
async fn own_stack(
    data: Option<PathBuf>,
    purpose: &str,
    proof: impl AsyncFnOnce(&mut Stack) -> Result<bool>,
) -> Result<Option<bool>> {
    let options = Options {
        redis_pair: true,
        gated: true,
        ..Options::private(purpose, &[Need::Postgres, Need::Redis, Need::Python])
    };
    local_stack::with(data, options, proof).await
}

async fn chaos(stack: &mut Stack, options: &chaos::Options) -> Result<bool> {
    let state = stack.start().await?;
    chaos::on(stack, &state, options).await
}

async fn both(stack: &mut Stack) -> Result<bool> {
    println!("\nthe end-to-end test: the tour, on a stack of its own");
    let mut state = stack.start().await?;
    let toured = tour::on(stack, &mut state, tour::FILES).await?;
    let kept = chaos::on(stack, &state, &chaos::Options::default()).await?;
    Ok(toured && kept)
}
