//! API keys that came to light: whoever finds one shows it, and it is revoked. No more is asked of them: who has a key
//! could use it.

use super::store;
use crate::{accounts::store as accounts, app::App, mail, sessions::ending::close_all};
use access::token::ApiKey;
use audit::Entry;
use aws_lc_rs::constant_time::verify_slices_are_equal;
use axum::extract::State;
use common::{
    http::Json,
    limit::Limit,
    problem::{FieldError, Problem},
    source::Source,
};
use contracts::{
    id::{SessionId, TenantId},
    mails::ApiKeyLeaked,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::time::Duration;
use utoipa::ToSchema;

/// Of one network.
const REPORTS: Limit = Limit { name: "leaked-api-keys", most: 60, window: Duration::from_secs(3600) };
/// Keys in one report: each is looked up and revoked by itself.
const MOST_KEYS: usize = 100;

#[derive(Deserialize, ToSchema)]
pub struct LeakReport {
    /// Whatever the keys were found in, or only they: they are recognised by their form and their checksum.
    #[serde(default)]
    #[schema(value_type = String, required = true, example = "curl -H 'Authorization: Bearer slk_…'")]
    text: Option<String>,
}

#[derive(Default, Serialize, ToSchema)]
pub struct LeakAnswer {
    /// Texts of the form of a key, with the right checksum.
    found: usize,
    /// Those of them that were keys of ours, which nobody can use any more.
    revoked: usize,
}

#[utoipa::path(post, path = "/v1/leaked-api-keys", operation_id = "reportLeakedApiKeys", tag = "api-keys",
    request_body = LeakReport,
    responses((status = 200, body = LeakAnswer),
        (status = 429, description = "`too_many_requests`: from this network.")),
    extensions(("x-no-idempotency-key" = json!("A repetition revokes what is revoked already."))),
    security(()))]
pub async fn report(
    State(app): State<App>,
    source: Source,
    Json(report): Json<LeakReport>,
) -> Result<Json<LeakAnswer>, Problem> {
    let text = report.text.ok_or_else(|| FieldError::new("text", "missing", "is required"))?;
    let counted = app.limiter.admit(&REPORTS, source).await?;
    app.limiter.settle([counted], revoke_all(&app, &text).await).await.map(Json)
}

async fn revoke_all(app: &App, text: &str) -> Result<LeakAnswer, Problem> {
    let mut keys: Vec<_> = ApiKey::find_in(text).map(|(_, key)| key).collect();
    keys.sort_unstable_by(|one, other| one.expose().cmp(other.expose()));
    keys.dedup_by(|one, other| one.expose() == other.expose());
    if keys.len() > MOST_KEYS {
        let detail = format!("must hold at most {MOST_KEYS} keys: send the rest by itself");
        return Err(FieldError::new("text", "too_many", detail).into());
    }
    // All are revoked before Redis is told of any: while it is away the database is asked, and knows it.
    let mut revoked = Vec::new();
    for key in &keys {
        revoked.extend(revoke(app, key).await?);
    }
    let answer = LeakAnswer { found: keys.len(), revoked: revoked.len() };
    close_all(app, revoked).await?;
    Ok(answer)
}

/// `None` if there is no such key. One that was revoked before is told to Redis again: perhaps that was interrupted.
async fn revoke(app: &App, shown: &ApiKey) -> Result<Option<(TenantId, SessionId)>, Problem> {
    let (id, now) = (shown.id(), app.ambient.now());
    let mut lookup = app.db.begin_lookup().await?;
    let Some(tenant) = store::tenant_of(&mut lookup, id).await? else { return Ok(None) };
    let mut tx = lookup.enter(tenant).await?;
    let known = store::lock(&mut tx, id).await?;
    let known = known.filter(|known| verify_slices_are_equal(&known.key_hash, &shown.hash()).is_ok());
    let Some(known) = known else { return Ok(None) };
    if known.revoked_at.is_none() {
        store::revoke(&mut tx, known.user_id, id, now).await?;
        let why = json!({"reason": "leaked"});
        audit::note(&mut tx, Entry::new("api_key.revoked", format!("api_key:{id}")).after(why));
        let (user, of) = (accounts::find_user(&mut tx, known.user_id).await?, accounts::tenant(&mut tx).await?);
        if let Some((user, of)) = user.zip(of) {
            let mail = ApiKeyLeaked { name: known.name, tenant_name: of.name, revoked_at: now };
            messaging::publish(&mut tx, &mail::api_key_leaked(id, &user.email, mail)).await?;
        }
        tracing::warn!(%id, %tenant, "An API key that came to light was revoked");
    }
    tx.commit().await?;
    Ok(Some((tenant, SessionId(id.0))))
}
