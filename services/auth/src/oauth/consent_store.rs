//! SQL of what people have allowed apps, as they see it themselves.

use chrono::{DateTime, Utc};
use common::{
    db::{CrossTenantTx, Lookup},
    page::PageRequest,
};
use contracts::id::{ClientId, TenantId, UserId};
use serde::Serialize;
use utoipa::ToSchema;

/// What a person has allowed an app, in all their tenants together.
#[derive(Serialize, ToSchema)]
pub struct Consent {
    pub client_id: ClientId,
    #[schema(example = "Planner")]
    pub name: String,
    /// Whose app it is.
    #[schema(example = "Acme")]
    pub tenant_name: String,
    /// Tenants in which it may act for the person.
    pub tenant_ids: Vec<TenantId>,
    /// Separated by spaces.
    #[schema(example = "email openid")]
    pub scope: String,
    /// When it was last allowed something.
    pub granted_at: DateTime<Utc>,
    /// Whether it has to ask again before it can begin anything new: it was given another name or address since.
    pub asks_again: bool,
}

/// By the ids of the apps.
pub async fn list(tx: &mut Lookup, user: UserId, page: PageRequest) -> sqlx::Result<Vec<Consent>> {
    let rows = sqlx::query!(
        r#"SELECT c.id, c.name, t.name AS tenant_name, array_agg(DISTINCT o.tenant_id) AS "tenant_ids!",
             array_to_string(array_agg(DISTINCT scope), ' ') AS "scope!", max(o.granted_at) AS "granted_at!",
             max(o.granted_at) < c.consents_since AS asks_again
           FROM consents o JOIN clients c ON c.id = o.client_id JOIN tenants t ON t.id = c.tenant_id
             LEFT JOIN LATERAL unnest(o.scopes) AS scope ON true
           WHERE o.user_id = $1 AND o.client_id > $2 AND c.deleted_at IS NULL
           GROUP BY c.id, t.id ORDER BY c.id LIMIT $3"#,
        user.0,
        page.after,
        page.fetch()
    );
    let consents = rows.fetch_all(&mut **tx).await?.into_iter().map(|row| Consent {
        client_id: ClientId(row.id),
        name: row.name,
        tenant_name: row.tenant_name,
        tenant_ids: row.tenant_ids.into_iter().map(TenantId).collect(),
        scope: row.scope,
        granted_at: row.granted_at,
        asks_again: row.asks_again.unwrap_or(false),
    });
    Ok(consents.collect())
}

/// Voids codes that are under way.
pub async fn void_codes(tx: &mut CrossTenantTx, user: UserId, client: ClientId) -> sqlx::Result<()> {
    let codes = sqlx::query!(
        "DELETE FROM authorization_codes WHERE user_id = $1 AND client_id = $2 AND session_id IS NULL",
        user.0,
        client.0
    );
    codes.execute(&mut **tx).await.map(drop)
}

/// Takes back what the app was allowed; gives the tenants in which it was something.
pub async fn withdraw(tx: &mut CrossTenantTx, user: UserId, client: ClientId) -> sqlx::Result<Vec<TenantId>> {
    let tenants = sqlx::query_scalar!(
        "DELETE FROM consents WHERE user_id = $1 AND client_id = $2 RETURNING tenant_id",
        user.0,
        client.0
    );
    Ok(tenants.fetch_all(&mut **tx).await?.into_iter().map(TenantId).collect())
}
