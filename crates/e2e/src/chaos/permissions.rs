//! The chaos of permissions: is anybody allowed what was taken from them, whatever dies meanwhile?

mod evictions;
mod faults;
mod ledger;
mod log_outs;
mod participants;
mod person;
mod readers;
mod slow_fillers;
mod world;
mod writers;

use super::Options;
use crate::tour::guide::Guide;
use anyhow::{Context, Result, bail};
use evictions::Evictor;
use faults::{Fault, Faults, Recoveries};
use ledger::{Books, Outcome};
use local_stack::{Stack, redis::Redis, state::State};
use log_outs::Leaver;
use participants::Participants;
use rand::{SeedableRng, rngs::SmallRng};
use readers::Sessions;
use slow_fillers::SlowFillers;
use std::{sync::Arc, time::Duration};
use tokio::task::JoinSet;
use world::World;
use writers::Writer;

const ROLE: &str = "chaos";
/// Fewer answered revocations would prove little.
const ENOUGH: u64 = 100;

/// On a stack that has a pair of Redis; whether nobody was allowed what was taken, and enough was tried.
pub(super) async fn on(stack: &mut Stack, state: State, options: &Options) -> Result<bool> {
    let seed = options.seed.unwrap_or_else(rand::random);
    let guide = Guide::new(state)?;
    let world = Arc::new(World::new(&guide.state, ROLE)?);
    println!("gathering people");
    let participants = participants::gather(&guide, &world).await?;
    println!("chaos for {} s, with --seed {seed}", options.seconds);
    let recoveries = unleash(stack, &guide, &world, participants, options, seed).await?;
    Ok(report(&world.ledger.books(), &recoveries))
}

async fn unleash(
    stack: &mut Stack,
    guide: &Guide,
    world: &Arc<World>,
    participants: Participants,
    options: &Options,
    seed: u64,
) -> Result<Recoveries> {
    let mut rng = SmallRng::seed_from_u64(seed);
    let canary = participants::owner(guide, world).await?;
    let pair = stack.pair.take().context("the stack has one Redis only")?;
    let mut tasks = start(guide, world, participants, pair.redis(), &mut rng).await?;
    let mut faults = Faults { stack, pair, world, canary, rng };
    let recoveries = tokio::select! {
        recoveries = faults.inflict(Duration::from_secs(options.seconds), ENOUGH) => recoveries?,
        ended = tasks.join_next() => bail!("somebody left before the end: {ended:?}"),
    };
    // Its port leads to Redis, for whoever comes after us.
    let Faults { stack, pair, .. } = faults;
    stack.pair = Some(pair);
    world.end();
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    Ok(recoveries)
}

/// Writers, readers and evictions, at work.
async fn start(
    guide: &Guide,
    world: &Arc<World>,
    participants: Participants,
    redis: Redis,
    rng: &mut SmallRng,
) -> Result<JoinSet<Result<()>>> {
    let mut tasks = JoinSet::new();
    let principals = participants.people.iter().map(|(person, _)| person.principal.clone()).collect();
    let evictor = Evictor {
        world: Arc::clone(world),
        redis,
        tenant: participants.tenant,
        principals,
        rng: SmallRng::from_rng(rng),
    };
    tasks.spawn(reporting_nothing(evictor.run()));
    let url = format!("{}permission", guide.state.postgres_url.trim_end_matches("postgres"));
    tasks.spawn(SlowFillers { world: Arc::clone(world), url, rng: SmallRng::from_rng(rng) }.run());
    for (person, way) in participants.people {
        let (person, subject, admin) =
            (Arc::new(person), world.ledger.enter(), participants::owner(guide, world).await?);
        let watch = readers::watch(Arc::clone(world), Arc::clone(&person), subject);
        tasks.spawn(reporting_nothing(watch));
        let writer = Writer { world: Arc::clone(world), admin, person, subject, way, rng: SmallRng::from_rng(rng) };
        tasks.spawn(writer.run());
    }
    let sessions = Arc::new(Sessions::default());
    let watch = readers::watch_sessions(Arc::clone(world), Arc::clone(&sessions), SmallRng::from_rng(rng));
    tasks.spawn(reporting_nothing(watch));
    let leaver = Leaver {
        world: Arc::clone(world),
        email: participants.leaver,
        password: participants::PASSWORD,
        sessions,
        rng: SmallRng::from_rng(rng),
    };
    tasks.spawn(leaver.run());
    Ok(tasks)
}

/// For those who have nothing to report: what they see is in the ledger.
async fn reporting_nothing(task: impl Future<Output = ()>) -> Result<()> {
    task.await;
    Ok(())
}

/// Says what was tried and what came of it; whether it proves what it should.
fn report(books: &Books, recoveries: &Recoveries) -> bool {
    let by_way: Vec<_> = books.revocations.iter().map(|(way, count)| format!("{way} {count}")).collect();
    println!("\n    revocations answered: {} ({})", books.answered_revocations(), by_way.join(", "));
    println!("    answered 503 revoke_unconfirmed, and repeated: {}", books.unconfirmed);
    let under = |outcome| books.under.get(&outcome).copied().unwrap_or_default();
    println!(
        "    checks: {}; of these under an answered revocation: {} (refused {}, not knowing {}, no connection {}, \
         allowed {})",
        books.checks,
        books.under.values().sum::<u64>(),
        under(Outcome::Refused),
        under(Outcome::Unknown),
        under(Outcome::Silence),
        under(Outcome::Allowed)
    );
    println!("    keys evicted one by one: {}; fillers held up: {} times", books.evicted, books.held_up);
    for fault in Fault::ALL {
        let times = recoveries.get(&fault).map_or(&[][..], Vec::as_slice);
        let longest = times.iter().max().copied().unwrap_or_default();
        println!("    {} x {}: all well again after {:.1} s at most", times.len(), fault.name(), longest.as_secs_f32());
    }
    for mistake in &books.mistakes {
        println!("    not so: {mistake}");
    }
    let (enough, complete) = (books.answered_revocations() >= ENOUGH, recoveries.len() == Fault::ALL.len());
    if !enough {
        println!("    not so: fewer than {ENOUGH} revocations were answered, which proves little");
    }
    if !complete {
        println!("    not so: not every fault was inflicted");
    }
    println!("\nstale allows: {}, other mistakes: {}", books.stale, books.mistakes() - books.stale);
    enough && complete && books.mistakes() == 0
}
