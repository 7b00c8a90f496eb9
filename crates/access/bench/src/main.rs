//! Benchmark of the permission check, run by `cargo xtask bench access`, beside real services; each command prints one
//! line of JSON.

mod keys;
mod naive;
mod records;
mod serve;
mod trials;

use anyhow::Result;
use clap::Parser;
use common::config::{Base, Env};

// Something that is always registered, and that the tenant's owner may grant.
access::permissions! { pub Read = "auth.readMembers" }
const PERMISSION: &str = <Read as access::Permission>::NAME;

#[derive(Parser)]
enum Cli {
    /// Serve the same answer on four routes, for the bearer of a token, until ended
    Serve {
        #[arg(env = "BENCH_TOKEN", hide_env_values = true)]
        token: String,
    },
    /// Grant and revoke, and ask a server that `serve` runs
    Trials(trials::Trials),
    /// Leave records in Redis, as the permission service does
    Records {
        #[arg(long, default_value_t = 1_000_000)]
        count: usize,
    },
}

#[tokio::main]
#[expect(clippy::print_stdout, reason = "the line that the caller reads")]
async fn main() -> Result<()> {
    common::crypto::install();
    let told = match Cli::parse() {
        Cli::Serve { token } => return serve::run(&base()?, &token).await,
        Cli::Trials(trials) => trials.run().await?,
        Cli::Records { count } => records::run(&base()?, count).await?,
    };
    println!("{told}");
    Ok(())
}

/// The settings of the service whose place it takes.
fn base() -> Result<Base> {
    let mut env = Env::from_process();
    let base = Base::read(&mut env, "access-bench", 1);
    Ok(env.finish(base)?)
}
