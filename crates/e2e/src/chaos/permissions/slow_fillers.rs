//! Slow fillers: one stands still between what it reads and what it writes. It is held up at the list of permissions,
//! which it reads last and revoking does not read: the revocation is answered meanwhile, and then it writes what it has
//! read.

use super::world::{World, millis};
use anyhow::Result;
use local_stack::tools;
use rand::rngs::SmallRng;
use std::sync::Arc;

pub struct SlowFillers {
    pub world: Arc<World>,
    /// Of PostgreSQL's superuser, in the permission service's database.
    pub url: String,
    pub rng: SmallRng,
}

impl SlowFillers {
    /// Until it is over.
    pub async fn run(mut self) -> Result<()> {
        while !self.world.is_over() {
            let seconds = millis(&mut self.rng, 20..150).as_secs_f32();
            let script =
                format!("BEGIN; LOCK TABLE permissions IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep({seconds}); COMMIT");
            tools::psql(&self.url, &script).await?;
            self.world.ledger.books().held_up += 1;
            tokio::time::sleep(millis(&mut self.rng, 50..250)).await;
        }
        Ok(())
    }
}
