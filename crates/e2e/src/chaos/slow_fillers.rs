//! What if a filler stands still between what it reads and what it writes? It is held up at the catalog, which it reads last and which
//! revoking does not read: the revocation is answered meanwhile, and then the filler writes what it has read before.

use super::world::World;
use crate::rng::Rng;
use anyhow::{Context, Result, ensure};
use local_stack::tools;
use std::{path::Path, process::Stdio, sync::Arc};
use tokio::process::Command;

pub struct Brake {
    pub world: Arc<World>,
    /// Of PostgreSQL's superuser, in the permission service's database.
    pub url: String,
    pub rng: Rng,
}

impl Brake {
    /// Until it is over.
    pub async fn run(mut self) -> Result<()> {
        let psql = tools::postgres_folders().first().context("PostgreSQL is not installed")?.join("psql");
        while !self.world.is_over() {
            self.hold_up(&psql).await?;
            self.world.ledger.books().held_up += 1;
            tokio::time::sleep(self.rng.millis(50, 250)).await;
        }
        Ok(())
    }

    async fn hold_up(&mut self, psql: &Path) -> Result<()> {
        let seconds = self.rng.millis(20, 150).as_secs_f32();
        let script =
            format!("BEGIN; LOCK TABLE permissions IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep({seconds}); COMMIT");
        let mut command = Command::new(psql);
        command.args(["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--command", &script]).arg(&self.url);
        let output = command.stdin(Stdio::null()).kill_on_drop(true).output().await.context("cannot run psql")?;
        ensure!(output.status.success(), "psql: {}", String::from_utf8_lossy(&output.stderr));
        Ok(())
    }
}
