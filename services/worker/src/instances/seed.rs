//! `instance.seed` v1: the bundle's first rows, made of what the setup form was filled in with.

use super::{
    access,
    bundle::Bundle,
    order,
    store::{Ledger, Session},
};
use crate::handlers::{Fault, Handle, Run};
use contracts::jobs::SeedInstance;
use serde_json::Value;

impl Handle for SeedInstance {
    async fn handle(self, run: &Run<'_>) -> Result<Option<Value>, Fault> {
        let instance = order::instance(run.job)?;
        let bundle = Bundle::open(&run.settings.bundles_dir, &self.bundle).await?;
        let scripts = bundle.scripts("seeds").await?;
        let mut session = Session::begin(access::open(run, instance).await?).await?;
        for (done, script) in scripts.iter().enumerate() {
            let applied = session.apply(Ledger::Seeds, script, Some(&self.settings)).await?;
            run.note(
                done + 1,
                scripts.len(),
                &format!("{}: {}", script.name, if applied { "applied" } else { "was applied before" }),
            )
            .await;
        }
        session.end().await;
        Ok(None)
    }
}
