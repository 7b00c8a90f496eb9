//! Evictions: any key may be gone at any moment. It is filled anew, by fillers that are under way while a revocation is
//! answered.

use super::world::World;
use local_stack::redis::Redis;
use rand::{Rng, rngs::SmallRng};
use std::{sync::Arc, time::Duration};

const PAUSE: Duration = Duration::from_millis(5);

pub struct Evictor {
    pub world: Arc<World>,
    /// Leads to whichever is the primary.
    pub redis: Redis,
    pub tenant: String,
    pub principals: Vec<String>,
    pub rng: SmallRng,
}

impl Evictor {
    pub async fn run(mut self) {
        while !self.world.is_over() {
            let principal = &self.principals[self.rng.random_range(0..self.principals.len())];
            // Mostly records: the stamps of a tenant would take all its records with them.
            let key = match self.rng.random_range(0..40) {
                0 => "ts".to_owned(),
                1..6 => format!("us:{principal}"),
                _ => format!("rec:{principal}"),
            };
            // While Redis is away there is nothing to evict.
            if self
                .redis
                .ask(self.redis.port, &format!("DEL {{{}}}:{key}", self.tenant))
                .await
                .is_ok_and(|deleted| deleted == ":1")
            {
                self.world.ledger.books().evicted += 1;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}
