//! Questions to auth whether principals exist, and who of the owners is real; asked before the tenant is locked.

use super::store;
use crate::{app::App, grants::model::LONGEST_PRINCIPAL};
use common::problem::Problem;
use contracts::{
    http::authority::{MOST_PRINCIPALS, PrincipalsAnswer, PrincipalsRequest},
    id::{Principal, TenantId},
};
use std::collections::BTreeSet;

/// Why some owners could not be asked about, if so: nobody can say then whether one is left.
pub type Unasked = Option<Problem>;

/// Notes who of `named`, and of those who are granted the tenant as a whole, exists. 503 if that cannot be known of one
/// of `named`.
#[expect(clippy::disallowed_methods, reason = "it is asked for the tenant of a caller, before its lock is taken")]
pub async fn learn(app: &App, tenant: TenantId, named: &BTreeSet<Principal>) -> Result<Unasked, Problem> {
    let (unknown, owners) = {
        let mut tx = app.db.begin(tenant).await?;
        (store::unknown(&mut tx, named).await?, store::unknown_owners(&mut tx).await?)
    };
    // What is too long to be one is refused by whoever asked.
    let askable = unknown.union(&owners).filter(|name| name.len() <= LONGEST_PRINCIPAL);
    let wanted: Vec<Principal> = askable.filter_map(|name| name.parse().ok()).collect();
    for batch in wanted.chunks(MOST_PRINCIPALS) {
        if let Err(problem) = ask(app, tenant, batch).await {
            return if unknown.is_empty() { Ok(Some(problem)) } else { Err(problem) };
        }
    }
    Ok(None)
}

#[expect(clippy::disallowed_methods, reason = "as above")]
async fn ask(app: &App, tenant: TenantId, principals: &[Principal]) -> Result<(), Problem> {
    let request = PrincipalsRequest { tenant_id: tenant, principals: principals.iter().cloned().collect() };
    let answer: PrincipalsAnswer =
        app.client.post(&format!("{}/internal/principals", app.base.auth_url), &request).await?;
    if answer.existing.is_empty() {
        return Ok(());
    }
    let mut tx = app.db.begin(tenant).await?;
    store::note(&mut tx, &answer.existing).await?;
    Ok(tx.commit().await?)
}
