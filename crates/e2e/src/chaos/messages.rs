//! The chaos of messages and jobs: does every event have its one effect, whatever dies on its way? Processes are killed
//! exactly between two steps, and what must be 0 is counted.
//!
//! People write posts, which are metered; tenants register; forums are made, by jobs. Meanwhile each process that has a
//! part in it is killed at each step of a message's way, and what all stand on goes away and comes back.

mod arrows;
mod books;
mod faults;
mod queues;
mod traffic;

use crate::tour::guide::Guide;
use anyhow::{Context, Result, ensure};
use arrows::Arrow;
use books::Books;
use faults::{Faults, Outage};
use local_stack::{Stack, state::State};
use std::time::{Duration, Instant};
use traffic::Traffic;

/// Fewer posts, or newcomers with a forum, would prove little.
const ENOUGH_POSTS: u64 = 200;
const ENOUGH_NEWCOMERS: u64 = 3;
/// For everything that is on its way to arrive: a message that went to somebody who had just died comes back after half
/// a minute, and what was put off meanwhile a little later.
const SETTLE: Duration = Duration::from_secs(180);

/// How much is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// Each step of the way once, and short outages.
    Short,
    /// Each step at each process that takes it, and a database that is read-only for a minute.
    Long,
}

/// On a stack with gates; whether nothing was lost, doubled, stuck or given up, and enough was tried.
pub(super) async fn on(stack: &mut Stack, state: State, length: Length) -> Result<bool> {
    let guide = Guide::new(state)?;
    let dead_before = queues::dead(&guide).await?;
    println!("opening two forums");
    let traffic = Traffic::prepare(&guide).await?;
    println!("messages and jobs, {length:?}");
    let began = Instant::now();
    let faults = async {
        let inflicted = Faults { stack, guide: &guide }.inflict(length, &traffic).await;
        traffic.end();
        inflicted
    };
    let (inflicted, ()) = tokio::join!(faults, traffic.flow());
    inflicted?;
    println!("    {} s of faults; waiting for what is on its way", began.elapsed().as_secs());
    let books = settled(&guide, dead_before).await?;
    Ok(report(&traffic, &books, length))
}

/// The books, when nothing moves any more, or as they are after the deadline.
async fn settled(guide: &Guide, dead_before: u64) -> Result<Books> {
    let began = Instant::now();
    loop {
        let books = books::read(guide, dead_before).await.context("reading what came of it")?;
        if books.is_at_rest() || began.elapsed() >= SETTLE {
            ensure!(began.elapsed() < SETTLE * 2, "the books could not be read in time");
            println!("    settled after {} s", began.elapsed().as_secs());
            return Ok(books);
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

fn report(traffic: &Traffic, books: &Books, length: Length) -> bool {
    println!("    killed with -9 at {} steps:", Arrow::of(length).count());
    for Arrow { victim, step, .. } in Arrow::of(length) {
        println!("      {victim}: {step}");
    }
    for outage in Outage::ALL {
        println!("    {}", outage.name());
    }
    println!("    posts written: {}, metered: {}", books.written, books.metered);
    println!("    newcomers served: {}", traffic.newcomers());
    println!("    tenants: {}, forums active: {}, jobs done: {}", books.tenants, books.active, books.jobs_done);
    let mistakes = traffic.mistakes();
    for mistake in mistakes.iter().chain(&books.mistakes) {
        println!("    not so: {mistake}");
    }
    let enough = books.written >= ENOUGH_POSTS && traffic.newcomers() >= ENOUGH_NEWCOMERS;
    if !enough {
        println!("    not so: fewer than {ENOUGH_POSTS} posts or {ENOUGH_NEWCOMERS} newcomers, which proves little");
    }
    println!(
        "\nlost: {}, double effects: {}, stuck: {}, good messages dead-lettered: {}, other mistakes: {}",
        books.lost,
        books.doubled,
        books.stuck,
        books.dead,
        mistakes.len()
    );
    enough && mistakes.is_empty() && books.are_clean()
}
