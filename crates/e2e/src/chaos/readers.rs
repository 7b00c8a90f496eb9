//! Is anybody still allowed what was taken from them? Asked without pause, at one service after the other.

use super::{ledger::Subject, person::Person, world::World};
use crate::rng::Rng;
use reqwest::Method;
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// What is given and taken: one permission of each service that is asked.
pub const PERMISSIONS: [&str; 3] = ["billing.readInvoices", "configurator.readInstances", "permission.readGrants"];
/// Where each of them is needed.
pub const CHECKED: [(&str, &str); 3] =
    [("billing", "/v1/invoices"), ("configurator", "/v1/instances"), ("permission", "/v1/grants")];
/// Where a session alone is enough.
const OWN: (&str, &str) = ("auth", "/v1/me");
/// Between two checks of one reader: the machine has others to serve, the services above all.
const BREATH: Duration = Duration::from_millis(2);
/// Ended sessions that are still tried.
const REMEMBERED: usize = 50;

/// Tries what the person was given and lost, until it is over.
pub async fn watch(world: Arc<World>, person: Arc<Person>, subject: Subject) {
    for (service, path) in CHECKED.into_iter().cycle() {
        if world.is_over() {
            return;
        }
        let sent = world.ledger.sends(subject);
        let answer = person.get(&world, service, path).await;
        if let Some(outcome) = world.outcome(service, &answer) {
            world.ledger.answered(sent, &format!("{} at {service}", person.name), outcome);
        }
        tokio::time::sleep(BREATH).await;
    }
}

/// The tokens of sessions, the newest last; most of them have ended.
#[derive(Default)]
pub struct Sessions(Mutex<VecDeque<(Subject, String)>>);

impl Sessions {
    fn all(&self) -> MutexGuard<'_, VecDeque<(Subject, String)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn begin(&self, subject: Subject, token: String) {
        let mut all = self.all();
        all.push_back((subject, token));
        if all.len() > REMEMBERED {
            all.pop_front();
        }
    }

    /// Forgets the newest: how it ended was not answered.
    pub fn forget_last(&self) {
        self.all().pop_back();
    }

    /// The newest as often as any other.
    fn pick(&self, rng: &mut Rng) -> Option<(Subject, String)> {
        let all = self.all();
        let index = if rng.below(2) == 0 { all.len().checked_sub(1)? } else { rng.below(all.len()) };
        all.get(index).cloned()
    }
}

/// Tries sessions that have ended, until it is over.
pub async fn watch_sessions(world: Arc<World>, sessions: Arc<Sessions>, mut rng: Rng) {
    for (service, path) in CHECKED.into_iter().chain([OWN]).cycle() {
        if world.is_over() {
            return;
        }
        if let Some((subject, token)) = sessions.pick(&mut rng) {
            let sent = world.ledger.sends(subject);
            let answer = world.send(world.request(Method::GET, service, path).bearer_auth(token)).await;
            if let Some(outcome) = world.outcome(service, &answer) {
                world.ledger.answered(sent, &format!("an ended session at {service}"), outcome);
            }
        }
        tokio::time::sleep(BREATH).await;
    }
}
