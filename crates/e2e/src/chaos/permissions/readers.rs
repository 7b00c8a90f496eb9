//! Readers of the chaos: is anybody still allowed what was taken from them? Asked without pause, at one service after
//! the other.

use super::{
    ledger::Subject,
    person::Person,
    world::{Answer, World},
};
use rand::{Rng, rngs::SmallRng, seq::IteratorRandom};
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
        check(&world, subject, &person.name, service, person.get(&world, service, path)).await;
        tokio::time::sleep(BREATH).await;
    }
}

/// Sends the check, and has its answer judged by what was known before.
async fn check(world: &World, subject: Subject, who: &str, service: &str, ask: impl Future<Output = Answer>) {
    let sent = world.ledger.sends(subject);
    let answer = ask.await;
    if let Some(outcome) = world.outcome(service, &answer) {
        world.ledger.answered(sent, &format!("{who} at {service}"), outcome);
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
    fn pick(&self, rng: &mut SmallRng) -> Option<(Subject, String)> {
        let all = self.all();
        if rng.random() { all.back() } else { all.iter().choose(rng) }.cloned()
    }
}

/// Tries sessions that have ended, until it is over.
pub async fn watch_sessions(world: Arc<World>, sessions: Arc<Sessions>, mut rng: SmallRng) {
    for (service, path) in CHECKED.into_iter().chain([OWN]).cycle() {
        if world.is_over() {
            return;
        }
        if let Some((subject, token)) = sessions.pick(&mut rng) {
            let ask = world.send(world.request(Method::GET, service, path).bearer_auth(token));
            check(&world, subject, "an ended session", service, ask).await;
        }
        tokio::time::sleep(BREATH).await;
    }
}
