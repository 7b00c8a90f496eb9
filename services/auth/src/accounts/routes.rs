//! Endpoint of the members of a tenant, and who is logged in as a person.

use super::refusals::refuse_by_provider;
use super::store::{self, Member, User};
use crate::app::App;
use access::{Allowed, token::Claims};
use axum::extract::State;
use common::{
    http::Query,
    page::{Page, PageQuery},
    problem::Problem,
};
use contracts::id::{Principal, UserId};
use serde::Serialize;
use utoipa::ToSchema;

access::permissions! { pub ReadMembers = "auth.readMembers" }

/// A person as others see them.
#[derive(Serialize, ToSchema)]
pub struct Person {
    pub id: UserId,
    pub email: String,
    pub display_name: String,
}

impl From<User> for Person {
    fn from(user: User) -> Self {
        Self { id: user.id, email: user.email, display_name: user.display_name }
    }
}

/// The person behind a principal; 403 for a machine.
pub fn person(principal: &Principal) -> Result<UserId, Problem> {
    match principal {
        Principal::User(user) => Ok(*user),
        Principal::Client(_) => Err(Problem::forbidden("people_only", "Only a person who is logged in may do this.")),
    }
}

/// The person who is logged in by themselves; 403 also for an API key, which must neither make nor end what it is not
/// itself, and for whom only their tenant's identity provider vouches, as it speaks for nothing but its tenant.
///
/// This is the gate of whatever is the person's own, or reaches another tenant.
pub fn logged_in(claims: &Claims, principal: &Principal) -> Result<UserId, Problem> {
    let user = signed_in(claims, principal)?;
    refuse_by_provider(&claims.amr)?;
    Ok(user)
}

/// As [`logged_in`], also by the tenant's identity provider: only for what is the tenant's, as it can decide that
/// anyway.
pub fn signed_in(claims: &Claims, principal: &Principal) -> Result<UserId, Problem> {
    match (&claims.scope, &claims.act) {
        (None, None) => person(principal),
        _ => {
            let detail = "Only the person themselves may do this, no API key, app or product of theirs: log in.";
            Err(Problem::forbidden("user_session_required", detail))
        }
    }
}

#[utoipa::path(get, path = "/v1/members", operation_id = "listMembers", tag = "accounts", params(PageQuery),
    responses((status = 200, body = Page<Member>)),
    security(("bearer" = ["auth.readMembers"])))]
pub async fn members(
    State(app): State<App>,
    caller: Allowed<ReadMembers>,
    Query(query): Query<PageQuery>,
) -> Result<Page<Member>, Problem> {
    let page = query.check()?;
    let mut tx = caller.begin(&app.db).await?;
    let members = store::members(&mut tx, page).await?;
    Ok(Page::cut(members, page, |member| member.membership_id))
}
