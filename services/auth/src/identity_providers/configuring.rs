//! Who may say by which provider the members of a tenant sign in: whoever does so can be any of them.

use crate::{
    accounts::routes::logged_in,
    app::App,
    authority::refuse_excess,
    factors::{recent, store as factors},
};
use access::Allowed;
use axum::{extract::FromRequestParts, http::request::Parts};
use common::problem::Problem;
use contracts::http::authority::Subject;

access::permissions! {
    pub ReadProviders = "auth.readIdentityProviders",
    pub WriteProviders = "auth.writeIdentityProviders",
}

/// A person who has the permission, who holds all that an owner of the tenant holds, and who proved lately who they are:
/// to us, so no provider makes another one.
pub struct MayBeAnybody(pub Allowed<WriteProviders>);

impl FromRequestParts<App> for MayBeAnybody {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let caller = Allowed::<WriteProviders>::from_request_parts(parts, app).await?;
        let user = logged_in(&caller.claims, &caller.principal)?;
        let enrolled = factors::enrolled(&mut *app.db.pool().acquire().await?, user).await?.any();
        recent::demand(&caller.claims, enrolled, app.ambient.now())?;
        refuse_excess(app, &caller, Subject::role("owner")).await?;
        Ok(Self(caller))
    }
}
