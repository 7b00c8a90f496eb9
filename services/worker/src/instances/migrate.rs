//! `instance.migrate` v1: the bundle's migrations, its meters, and the rights of the product's role.

use super::{
    access,
    bundle::Bundle,
    order,
    store::{Ledger, Session},
};
use crate::handlers::{Fault, Handle, Run};
use contracts::jobs::MigrateInstance;
use serde_json::Value;

impl Handle for MigrateInstance {
    async fn handle(self, run: &Run<'_>) -> Result<Option<Value>, Fault> {
        let instance = order::instance(run.job)?;
        let bundle = Bundle::open(&run.settings.bundles_dir, &self.bundle).await?;
        let scripts = bundle.scripts("migrations").await?;
        // The meters and the grants are the last step.
        let total = scripts.len() + 1;
        let mut session = Session::begin(access::open(run, instance).await?).await?;
        for (done, script) in scripts.iter().enumerate() {
            let applied = session.apply(Ledger::Migrations, script, None).await?;
            run.note(
                done + 1,
                total,
                &format!("{}: {}", script.name, if applied { "applied" } else { "was applied before" }),
            )
            .await;
        }
        let missing = session.meter(&bundle.manifest.meters).await?;
        if bundle.is_whole() && !missing.is_empty() {
            return Err(Fault::permanent(missing.join("; ")));
        }
        session.grant().await?;
        session.end().await;
        let of_absent_modules = if missing.is_empty() { String::new() } else { format!("; {}", missing.join("; ")) };
        run.note(total, total, &format!("meters and grants: in place{of_absent_modules}")).await;
        Ok(None)
    }
}
