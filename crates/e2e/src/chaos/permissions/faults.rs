//! Faults: what goes wrong, in which order, and how long until all is well again?

use super::{
    person::Person,
    readers::CHECKED,
    world::{VICTIM, World, millis},
};
use anyhow::{Context, Result, bail, ensure};
use local_stack::{Stack, pair::Pair};
use rand::{rngs::SmallRng, seq::SliceRandom};
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

/// For everything to work again after a fault.
const PATIENCE: Duration = Duration::from_secs(30);
/// A run may take so many times as long as was asked for.
const LONGER: u32 = 6;
const LOOK: Duration = Duration::from_millis(20);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    RedisRestartsEmpty,
    RedisFailsOver,
    ReplicaDies,
    RedisForgets,
    PermissionDies,
}

impl Fault {
    pub const ALL: [Self; 5] =
        [Self::RedisRestartsEmpty, Self::RedisFailsOver, Self::ReplicaDies, Self::RedisForgets, Self::PermissionDies];

    pub fn name(self) -> &'static str {
        match self {
            Self::RedisRestartsEmpty => "Redis killed with -9 and restarted empty",
            Self::RedisFailsOver => "Redis killed with -9 and failed over to its replica",
            Self::ReplicaDies => "the replica killed with -9 and started again",
            Self::RedisForgets => "FLUSHALL",
            Self::PermissionDies => "permission killed with -9 and started again",
        }
    }
}

/// The times from each fault until everything worked again.
pub type Recoveries = BTreeMap<Fault, Vec<Duration>>;

pub struct Faults<'a> {
    pub stack: &'a mut Stack,
    pub pair: Pair,
    pub world: &'a World,
    /// Who may do everything all the time.
    pub canary: Person,
    pub rng: SmallRng,
}

impl Faults<'_> {
    /// One after the other until the time is over, each kind at least once; on a slow machine longer, until enough was
    /// tried.
    pub async fn inflict(&mut self, duration: Duration, enough: u64) -> Result<Recoveries> {
        let (began, mut recoveries) = (Instant::now(), Recoveries::new());
        self.until_well("the start").await?;
        loop {
            let mut order = Fault::ALL;
            order.shuffle(&mut self.rng);
            for fault in order {
                let tried =
                    recoveries.len() == Fault::ALL.len() && self.world.ledger.books().answered_revocations() >= enough;
                if began.elapsed() >= duration && (tried || began.elapsed() >= LONGER * duration) {
                    return Ok(recoveries);
                }
                // Revocations are to be answered between the faults, and some right before one.
                tokio::time::sleep(millis(&mut self.rng, 300..1_000)).await;
                let struck = Instant::now();
                self.world.ledger.books().scene = fault.name();
                self.inflict_one(fault).await.with_context(|| format!("while {}", fault.name()))?;
                self.until_well(fault.name()).await?;
                recoveries.entry(fault).or_default().push(struck.elapsed());
            }
        }
    }

    async fn inflict_one(&mut self, fault: Fault) -> Result<()> {
        match fault {
            Fault::RedisRestartsEmpty => {
                self.stack.processes.kill(self.pair.primary()).await?;
                self.stay_away().await;
                self.stack.processes.start_again(self.pair.primary_spec()?)
            }
            Fault::RedisFailsOver => {
                self.stack.processes.kill(self.pair.primary()).await?;
                self.stay_away().await;
                self.pair.fail_over().await?;
                self.stack.processes.start_again(self.pair.replica_spec()?)
            }
            Fault::ReplicaDies => self.kill_the_replica().await,
            Fault::RedisForgets => self.pair.ask("FLUSHALL").await.map(drop),
            Fault::PermissionDies => {
                let spec = self.stack.processes.kill(VICTIM).await?;
                self.stay_away().await;
                self.stack.processes.start_again(spec)
            }
        }
    }

    async fn stay_away(&mut self) {
        tokio::time::sleep(millis(&mut self.rng, 0..600)).await;
    }

    /// Comes back when a revocation has been answered that it could not be confirmed.
    async fn kill_the_replica(&mut self) -> Result<()> {
        self.stack.processes.kill(self.pair.replica()).await?;
        self.world.ledger.replica_gone(true);
        let (before, killed) = (self.world.ledger.books().unconfirmed, Instant::now());
        while self.world.ledger.books().unconfirmed == before {
            ensure!(killed.elapsed() < PATIENCE, "no revocation was answered revoke_unconfirmed");
            tokio::time::sleep(LOOK).await;
        }
        self.stay_away().await;
        self.world.ledger.replica_gone(false);
        self.stack.processes.start_again(self.pair.replica_spec()?)
    }

    /// Waits until the replica follows and somebody who may is allowed everywhere; an error if a process has ended by
    /// itself.
    async fn until_well(&mut self, after: &str) -> Result<()> {
        let began = Instant::now();
        loop {
            self.stack.processes.check()?;
            let ill = match self.ill().await {
                None => return Ok(()),
                Some(ill) => ill,
            };
            if began.elapsed() >= PATIENCE {
                bail!("{} s after {after}: {ill}", PATIENCE.as_secs());
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// What does not work yet.
    async fn ill(&self) -> Option<String> {
        if let Err(error) = self.pair.in_step().await {
            return Some(format!("{error:#}"));
        }
        for (service, path) in CHECKED {
            let answer = self.canary.get(self.world, service, path).await;
            if answer.status != 200 {
                return Some(format!("{service} answers {} {}", answer.status, answer.body));
            }
        }
        None
    }
}
