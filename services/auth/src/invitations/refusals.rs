//! How does an address get no more invitations? By a link in each, which says whose and to whom it was, and never expires.
//!
//! Only we can make such a link, and it opens nothing else, so nothing needs to be stored for it.

use super::refusal_store;
use crate::{
    app::App,
    body::{OptionalJsonOrForm, wants_html},
    pace, pages,
    registrations::routes::link_used,
};
use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use common::{ambient::Ambient, db, http::Path, problem::Problem, sealing::Sealer};
use contracts::id::TenantId;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// What else is sealed under the same key opens nothing here.
const CONTEXT: &[u8] = b"invitation refusal";

/// Makes and reads the links.
#[derive(Clone)]
pub struct RefusalLinks(Sealer);

/// Whose invitations to whom.
pub struct Whose {
    pub tenant: TenantId,
    pub email: String,
}

impl RefusalLinks {
    pub fn new(sealer: Sealer) -> Self {
        Self(sealer)
    }

    pub fn make(&self, ambient: &Ambient, tenant: TenantId, email: &str) -> String {
        let plain = [tenant.0.as_bytes(), email.as_bytes()].concat();
        URL_SAFE_NO_PAD.encode(self.0.seal(ambient, CONTEXT, &plain))
    }

    fn read(&self, link: &str) -> Option<Whose> {
        let plain = self.0.open(CONTEXT, &URL_SAFE_NO_PAD.decode(link).ok()?).ok()?;
        let (tenant, email) = plain.split_at_checked(size_of::<Uuid>())?;
        Some(Whose { tenant: TenantId(Uuid::from_slice(tenant).ok()?), email: String::from_utf8(email.to_vec()).ok()? })
    }
}

/// Body of `POST /v1/invitation-refusals/{token}`, as JSON or as a form. Mail programs send a form of their own (RFC 8058), which refuses the tenant's.
#[derive(Default, Deserialize, ToSchema)]
pub struct Refusal {
    #[serde(alias = "List-Unsubscribe")]
    from: Senders,
}

/// Whose invitations shall come no more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Senders {
    /// Those of the tenant whose invitation it was.
    #[default]
    #[serde(alias = "One-Click")]
    Tenant,
    Everybody,
    /// Both may come again.
    Nobody,
}

#[utoipa::path(get, path = "/v1/invitation-refusals/{token}", operation_id = "showInvitationRefusal", tag = "invitations",
    params(("token" = String, Path, description = "From the link in the mail.")),
    responses((status = 200, body = String, content_type = "text/html"), (status = 410, description = "`link_used`", body = String, content_type = "text/html")),
    security(()))]
pub async fn show(State(app): State<App>, Path(token): Path<String>) -> Result<Response, Problem> {
    let Some(whose) = app.refusal_links.read(&token) else { return Ok(pages::refused(&link_used())) };
    let mut tx = db::begin(&app.pool, whose.tenant).await?;
    let refused = refusal_store::refused(&mut tx, whose.tenant, &whose.email).await?;
    let tenant = refusal_store::tenant_name(&mut tx, whose.tenant).await?.ok_or_else(link_used)?;
    Ok(pages::refusal(&tenant, &whose.email, refused))
}

#[utoipa::path(post, path = "/v1/invitation-refusals/{token}", operation_id = "refuseInvitations", tag = "invitations",
    params(("token" = String, Path, description = "From the link in the mail.")),
    request_body(content((Option<Refusal> = "application/json"), (Refusal = "application/x-www-form-urlencoded"))),
    responses((status = 204, description = "From now on. Browsers get a page (200)."), (status = 410, description = "`link_used`: it never was a link.")),
    security(()))]
pub async fn refuse(
    State(app): State<App>,
    Path(token): Path<String>,
    headers: HeaderMap,
    OptionalJsonOrForm(refusal): OptionalJsonOrForm<Refusal>,
) -> Result<Response, Problem> {
    let from = refusal.unwrap_or_default().from;
    let whose = app.refusal_links.read(&token).ok_or_else(link_used)?;
    // Those of every tenant, if that is the wish.
    let mut tx = db::begin_platform(&app.pool).await?;
    let tenant = refusal_store::tenant_name(&mut tx, whose.tenant).await?.ok_or_else(link_used)?;
    pace::store::lock(&mut tx, &whose.email).await?;
    let (id, now) = (app.ambient.uuid(), app.ambient.now());
    match from {
        Senders::Tenant => refusal_store::refuse(&mut tx, id, Some(whose.tenant), &whose.email, now).await?,
        Senders::Everybody => refusal_store::refuse(&mut tx, id, None, &whose.email, now).await?,
        Senders::Nobody => refusal_store::allow(&mut tx, whose.tenant, &whose.email).await?,
    }
    let refused = refusal_store::refused(&mut tx, whose.tenant, &whose.email).await?;
    tx.commit().await?;
    Ok(if wants_html(&headers) {
        pages::refusal(&tenant, &whose.email, refused)
    } else {
        StatusCode::NO_CONTENT.into_response()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The mailer sends no invitation whose link to refuse cannot stand in a header.
    #[test]
    fn the_link_to_the_longest_address_is_short_enough_for_a_header() {
        let (ambient, links) = (Ambient::system(), RefusalLinks::new(Sealer::new(&[7; 32])));
        let longest = format!("{}@{}.test", "x".repeat(64), "y.".repeat(91) + "yy");
        assert_eq!(longest.len(), 254);
        let link = format!(
            "https://{}.test/v1/invitation-refusals/{}",
            "a".repeat(63),
            links.make(&ambient, TenantId(ambient.uuid()), &longest)
        );
        assert!(link.parse::<contracts::public_url::PublicUrl>().is_ok(), "{} characters", link.len());
    }

    #[test]
    fn only_our_links_are_read() {
        let (ambient, links) = (Ambient::system(), RefusalLinks::new(Sealer::new(&[7; 32])));
        let tenant = TenantId(ambient.uuid());
        let link = links.make(&ambient, tenant, "bob@acme.test");
        let whose = links.read(&link).unwrap();
        assert_eq!((whose.tenant, whose.email.as_str()), (tenant, "bob@acme.test"));
        let others = RefusalLinks::new(Sealer::new(&[8; 32]));
        assert!(others.read(&link).is_none() && links.read(&link[1..]).is_none() && links.read("").is_none());
    }
}
