//! How fast messages flow, as rows of a table: the relay against a publisher that takes everything at once, the
//! consumer against a queue that is never empty, and the whole way beside a bare loop of the AWS SDK.
//!
//! `cargo xtask bench messages` runs it on a PostgreSQL and an emulator of its own, which the environment names.

mod canned;
mod consumer;
mod path;
mod relay;
mod world;

use anyhow::Result;
use std::fmt::Display;

/// One line of the table: what was measured, beside what, and what is wanted of it.
#[expect(clippy::print_stdout, reason = "the table is what it is for")]
fn row(measured: &str, per_second: f64, beside: impl Display, wanted: &str) {
    println!("| {measured} | {per_second:.0} | {beside} | {wanted} |");
}

#[tokio::main]
async fn main() -> Result<()> {
    let db = world::database().await?;
    relay::measure(&db).await?;
    consumer::measure(&db).await?;
    path::measure(&db).await
}
