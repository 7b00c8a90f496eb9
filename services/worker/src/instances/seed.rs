//! `instance.seed` v1: the bundle's first rows, made of what the setup form was filled in with.

use super::{
    access,
    bundle::Bundle,
    order::Order,
    session::{Ledger, Session},
};
use crate::handlers::{Fault, Run};

pub(crate) async fn run(run: &Run<'_>) -> Result<(), Fault> {
    let order = Order::read(run.job)?;
    let bundle = Bundle::open(&run.app.config.bundles_dir, &order).await?;
    let scripts = bundle.scripts("seeds").await?;
    let mut session = Session::begin(access::open(run.app, order.instance).await?).await?;
    for (done, script) in scripts.iter().enumerate() {
        let applied = session.apply(Ledger::Seeds, script, Some(&order.payload.settings)).await?;
        run.note(
            done + 1,
            scripts.len(),
            &format!("{}: {}", script.name, if applied { "applied" } else { "was applied before" }),
        )
        .await;
    }
    session.end().await;
    Ok(())
}
