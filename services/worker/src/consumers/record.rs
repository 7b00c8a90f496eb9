//! Every message of every service: kept for whoever asks later what happened.

use crate::{
    app::App,
    history::{model::Kept, store},
};
use common::db::CrossTenantTx;
use contracts::envelope::Envelope;
use messaging::{Fault, HandleEvery};

impl HandleEvery for App {
    async fn handle(&self, tx: &mut CrossTenantTx, envelope: &Envelope) -> Result<(), Fault> {
        Ok(store::insert(tx, envelope, &Kept::of(envelope)).await?)
    }
}
