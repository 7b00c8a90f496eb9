//! The chaos: do the platform's two promises hold, whatever dies meanwhile? Real processes, real faults, and counts
//! that must be 0.

mod messages;
mod permissions;

use anyhow::Result;
use clap::{Args, ValueEnum};
use local_stack::{Stack, state::State};
use messages::Length;

const SECONDS: u64 = 20;

/// What is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Promise {
    /// Nobody is allowed what was taken from them
    Permissions,
    /// Every event has its one effect
    Messages,
}

#[derive(Args)]
pub struct Options {
    /// Only one of the promises [default: both]
    #[arg(long)]
    only: Option<Promise>,
    /// Of messages: every process that takes a step is killed at it, and the database is read-only for a minute
    #[arg(long)]
    long: bool,
    /// Of permissions: how long faults are inflicted; longer if too little was tried by then
    #[arg(long, default_value_t = SECONDS)]
    seconds: u64,
    /// Of permissions: tells the same story again, as far as the machine does [default: another one each time]
    #[arg(long)]
    seed: Option<u64>,
}

impl Default for Options {
    fn default() -> Self {
        Self { only: None, long: false, seconds: SECONDS, seed: None }
    }
}

/// On a stack that has a pair of Redis, and gates; whether the promises were kept, and enough was tried.
pub async fn on(stack: &mut Stack, state: &State, options: &Options) -> Result<bool> {
    let tried = |promise| options.only.is_none_or(|only| only == promise);
    let mut kept = true;
    if tried(Promise::Permissions) {
        println!("\nthe proof: nobody is allowed what was taken, whatever dies meanwhile");
        kept &= permissions::on(stack, state.clone(), options).await?;
    }
    if tried(Promise::Messages) {
        println!("\nthe proof: every event has its one effect, whatever dies on its way");
        let length = if options.long { Length::Long } else { Length::Short };
        kept &= messages::on(stack, state.clone(), length).await?;
    }
    Ok(kept)
}
