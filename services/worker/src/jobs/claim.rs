//! A claim: begins the next jobs, as many as there are free slots, in one short transaction.
//!
//! It serves the lanes that have waited longest, each with its share of the slots, as far as rate and budget of the
//! lane's tenant allow. What it reads grows with the slots, not with the jobs that wait.

use super::{
    lane_store::{self, Lane, Moved},
    limits::{next_day, share},
    model::{Claim, Claimed},
};
use chrono::{DateTime, TimeDelta, Utc};
use common::db::CrossTenantTx;
use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};
use uuid::Uuid;

pub(crate) use lane_store::take_over;

/// A lane without a job to begin that cannot be removed is looked at again after this time: somebody enters it just
/// now, or holds a job of it.
const LOOK_AGAIN: TimeDelta = TimeDelta::milliseconds(100);

/// What a claim has brought.
#[derive(Debug)]
pub struct Begun {
    pub jobs: Vec<Claimed>,
    /// When a claim may bring more; only if this one brought nothing, and if that is known.
    pub next: Option<Duration>,
}

/// Begins the jobs that are next.
pub async fn begin(tx: &mut CrossTenantTx, claim: &Claim<'_>) -> sqlx::Result<Begun> {
    lane_store::plan(tx).await?;
    let lanes = lane_store::due(tx, claim).await?;
    let mut limits = Limits::read(tx, &lanes).await?;
    let mut left = claim.most;
    let mut quotas = Vec::with_capacity(lanes.len());
    for (n, lane) in lanes.iter().enumerate() {
        let fair = share(left, lanes.len() - n);
        let quota = limits.reserve(lane, fair);
        left -= quota;
        quotas.push((lane, quota));
    }
    let asked: Vec<_> = quotas.iter().copied().filter(|(_, quota)| *quota > 0).collect();
    let jobs = if asked.is_empty() { Vec::new() } else { lane_store::take(tx, claim, &asked).await? };
    let mut drained = Vec::new();
    for (lane, quota) in quotas {
        let taken = u32::try_from(jobs.iter().filter(|job| lane.has(job)).count()).unwrap_or(u32::MAX);
        if taken < quota {
            limits.give_back(lane, quota - taken);
            drained.push(lane);
        }
    }
    leave(tx, &lanes, &drained, limits).await?;
    let next = if jobs.is_empty() { lane_store::next(tx, claim.can).await? } else { None };
    Ok(Begun { jobs, next })
}

/// Removes the lanes that have no job any more; puts each other one behind the rest, until its rate and budget allow
/// more.
async fn leave(tx: &mut CrossTenantTx, lanes: &[Lane], drained: &[&Lane], limits: Limits) -> sqlx::Result<()> {
    let removed = if drained.is_empty() { HashSet::new() } else { lane_store::remove_empty(tx, drained).await? };
    let left = lanes.iter().filter(|lane| !removed.contains(&lane.key()));
    let moved: Vec<_> = left
        .map(|lane| {
            let mut moved = limits.next(lane);
            if drained.iter().any(|drained| std::ptr::eq(*drained, lane)) {
                moved.next_at = moved.next_at.max(lane.now + LOOK_AGAIN);
            }
            (lane, moved)
        })
        .collect();
    if !moved.is_empty() {
        lane_store::advance(tx, &moved).await?;
    }
    limits.write(tx, lanes).await
}

/// The rates and budgets of some lanes, locked, and what is left of them.
struct Limits {
    buckets: HashMap<(String, Uuid), DateTime<Utc>>,
    /// Jobs begun of each bucket by this claim.
    taken: HashMap<(String, Uuid), u32>,
    /// Jobs begun today of each tenant with a budget, with those of this claim.
    begun: HashMap<Uuid, u32>,
}

impl Limits {
    async fn read(tx: &mut CrossTenantTx, lanes: &[Lane]) -> sqlx::Result<Self> {
        let (mut kinds, mut rated) = (Vec::new(), Vec::new());
        for lane in lanes.iter().filter(|lane| lane.rate().is_some()) {
            kinds.push(lane.kind.clone());
            rated.push(lane.tenant_id);
        }
        let buckets = if rated.is_empty() { HashMap::new() } else { lane_store::buckets(tx, &kinds, &rated).await? };
        let budgeted: Vec<_> =
            lanes.iter().filter(|lane| lane.jobs_per_day.is_some()).map(|lane| lane.tenant_id).collect();
        let begun = if budgeted.is_empty() { HashMap::new() } else { lane_store::begun_today(tx, &budgeted).await? };
        let begun = begun.into_iter().map(|(tenant, begun)| (tenant, begun.unsigned_abs())).collect();
        Ok(Self { buckets, taken: HashMap::new(), begun })
    }

    fn bucket(&self, lane: &Lane) -> (DateTime<Utc>, u32) {
        let key = (lane.kind.clone(), lane.tenant_id);
        (self.buckets.get(&key).copied().unwrap_or(lane.now), self.taken.get(&key).copied().unwrap_or(0))
    }

    /// Jobs of the lane that its rate and budget allow now.
    fn allows(&self, lane: &Lane) -> (u32, u32) {
        let (at, taken) = self.bucket(lane);
        let by_rate = lane.rate().map_or(u32::MAX, |rate| rate.allows(at, lane.now).saturating_sub(taken));
        let by_budget = lane.jobs_per_day.map_or(u32::MAX, |most| {
            most.unsigned_abs().saturating_sub(self.begun.get(&lane.tenant_id).copied().unwrap_or(0))
        });
        (by_rate, by_budget)
    }

    /// As many of `wanted` as may be begun, which are then spoken for.
    fn reserve(&mut self, lane: &Lane, wanted: u32) -> u32 {
        let (by_rate, by_budget) = self.allows(lane);
        let quota = wanted.min(by_rate).min(by_budget);
        *self.taken.entry((lane.kind.clone(), lane.tenant_id)).or_default() += quota;
        if lane.jobs_per_day.is_some() {
            *self.begun.entry(lane.tenant_id).or_default() += quota;
        }
        quota
    }

    fn give_back(&mut self, lane: &Lane, unused: u32) {
        *self.taken.entry((lane.kind.clone(), lane.tenant_id)).or_default() -= unused;
        if lane.jobs_per_day.is_some() {
            *self.begun.entry(lane.tenant_id).or_default() -= unused;
        }
    }

    /// When the lane is due again, and why not before.
    fn next(&self, lane: &Lane) -> Moved {
        let (by_rate, by_budget) = self.allows(lane);
        let (at, taken) = self.bucket(lane);
        match lane.rate() {
            _ if by_budget == 0 => Moved { next_at: next_day(lane.now), waits_for: Some("budget") },
            Some(rate) if by_rate == 0 => {
                Moved { next_at: rate.next(rate.after(at, lane.now, taken)).max(lane.now), waits_for: Some("rate") }
            }
            _ => Moved { next_at: lane.now, waits_for: None },
        }
    }

    /// What budgets have left is written with the jobs that use them.
    async fn write(mut self, tx: &mut CrossTenantTx, lanes: &[Lane]) -> sqlx::Result<()> {
        for lane in lanes {
            let (Some(rate), key) = (lane.rate(), (lane.kind.clone(), lane.tenant_id)) else { continue };
            if let (Some(at), Some(taken)) = (self.buckets.get_mut(&key), self.taken.remove(&key)) {
                *at = rate.after(*at, lane.now, taken);
            }
        }
        if self.buckets.is_empty() { Ok(()) } else { lane_store::set_buckets(tx, &self.buckets).await }
    }
}
