//! Every message of every service: kept for whoever asks later what happened.

use crate::{
    app::App,
    history::{model::Kept, store},
};
use common::db::CrossTenantTx;
use contracts::envelope::Envelope;
use messaging::{Fault, HandleEvery};

impl HandleEvery for App {
    async fn keep(&self, tx: &mut CrossTenantTx, said: &[&Envelope]) -> Result<(), Fault> {
        let kept: Vec<_> = said.iter().map(|envelope| Kept::of(envelope)).collect();
        Ok(store::insert(tx, &kept).await?)
    }
}
