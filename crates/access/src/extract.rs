//! Extractors by which a handler names who may call it: an argument's type; a handler without one is visibly public.

use super::{Access, PERMISSION_MISSING, SESSION_ENDED};
use crate::token::Claims;
use axum::{
    extract::{FromRef, FromRequestParts},
    http::{header, request::Parts},
};
use common::{
    db::{CrossTenantTx, Db, TenantTx},
    origin::{self, Caller},
    problem::Problem,
};
use contracts::id::{Principal, TenantId};
use std::{marker::PhantomData, sync::Arc};

/// A permission as a type; see [`crate::permissions`].
pub trait Permission: Send + Sync + 'static {
    const NAME: &'static str;
}

/// A permission of a tenant: it says nothing about other tenants' rows.
pub trait TenantPermission: Permission {}

/// A permission of the platform's operators (`scope = "platform"` in the service's list), for rows of every tenant.
pub trait PlatformPermission: Permission {}

/// Platform clients as a type; see [`crate::callers`].
pub trait Callers: Send + Sync + 'static {
    const CLIENTS: &'static [&'static str];
}

/// Stands for every client that auth's `PLATFORM_CLIENTS` names, products included; the handler then looks whose it is.
const EVERY_CLIENT: &str = "*";

/// Declares permissions: `permissions! { pub ReadInvoices = "billing.readInvoices" }`, or, for one of the platform's,
/// `permissions! { pub CloseCycles = platform "billing.closeCycles" }`.
#[macro_export]
macro_rules! permissions {
    ($($vis:vis $name:ident = $($scope:ident)? $text:literal),+ $(,)?) => {$(
        #[doc = concat!("`", $text, "`")]
        $vis struct $name;
        impl $crate::Permission for $name { const NAME: &'static str = $text; }
        $crate::permissions! { @scope $name $($scope)? }
    )+};
    (@scope $name:ident) => { impl $crate::TenantPermission for $name {} };
    (@scope $name:ident platform) => { impl $crate::PlatformPermission for $name {} };
}

/// Declares who may call an internal endpoint: `callers! { pub Worker = ["worker"] }`, or `["*"]` for every platform
/// client.
#[macro_export]
macro_rules! callers {
    ($($vis:vis $name:ident = [$($client:literal),+ $(,)?]),+ $(,)?) => {$(
        #[doc = concat!("The platform's clients" $(, " `", $client, "`")+)]
        $vis struct $name;
        impl $crate::Callers for $name { const CLIENTS: &'static [&'static str] = &[$($client),+]; }
    )+};
}

/// The caller is signed in and has permission `P` in the tenant it acts in.
#[derive(Clone, Debug)]
pub struct Allowed<P> {
    pub claims: Arc<Claims>,
    pub tenant: TenantId,
    pub principal: Principal,
    permission: PhantomData<P>,
}

/// Whether the caller has permission `P` as well, which shows them more; nobody is refused for lacking it.
#[derive(Clone, Debug)]
pub struct Also<P> {
    pub granted: bool,
    permission: PhantomData<P>,
}

/// The caller is signed in.
#[derive(Clone, Debug)]
pub struct Authenticated {
    pub claims: Arc<Claims>,
    pub tenant: TenantId,
    pub principal: Principal,
}

/// The caller is one of the platform's own clients `C`; no permission is looked up, as these calls fill the cache.
#[derive(Clone, Debug)]
pub struct Internal<C> {
    pub client_id: String,
    callers: PhantomData<C>,
}

#[expect(clippy::disallowed_methods, reason = "the permission is the tenant's")]
impl<P: TenantPermission> Allowed<P> {
    /// A transaction of the caller's tenant.
    pub async fn begin(&self, db: &Db) -> sqlx::Result<TenantTx> {
        db.begin(self.tenant).await
    }

    /// As [`Allowed::begin`], only to read, and all that is read is of one instant.
    pub async fn begin_snapshot(&self, db: &Db) -> sqlx::Result<TenantTx> {
        db.begin_snapshot(self.tenant).await
    }
}

#[expect(clippy::disallowed_methods, reason = "the permission is the platform's")]
impl<P: PlatformPermission> Allowed<P> {
    /// A transaction over all tenants.
    pub async fn begin_across_tenants(&self, db: &Db) -> sqlx::Result<CrossTenantTx> {
        db.begin_across_tenants().await
    }
}

#[expect(clippy::disallowed_methods, reason = "it is the tenant that the token acts in")]
impl Authenticated {
    /// A transaction of the caller's tenant.
    pub async fn begin(&self, db: &Db) -> sqlx::Result<TenantTx> {
        db.begin(self.tenant).await
    }
}

#[expect(clippy::disallowed_methods, reason = "the platform's own services act for every tenant")]
impl<C: Callers> Internal<C> {
    /// A transaction of the tenant that the caller acts for.
    pub async fn begin_for(&self, db: &Db, tenant: TenantId) -> sqlx::Result<TenantTx> {
        db.begin(tenant).await
    }

    /// As [`Internal::begin_for`], only to read, and all that is read is of one instant.
    pub async fn begin_snapshot_for(&self, db: &Db, tenant: TenantId) -> sqlx::Result<TenantTx> {
        db.begin_snapshot(tenant).await
    }

    /// A transaction over all tenants.
    pub async fn begin_across_tenants(&self, db: &Db) -> sqlx::Result<CrossTenantTx> {
        db.begin_across_tenants().await
    }
}

impl<P: Permission, S: Send + Sync> FromRequestParts<S> for Allowed<P>
where
    Access: FromRef<S>,
{
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Authenticated { claims, tenant, principal } = authenticate(parts, state, Some(P::NAME)).await?;
        Ok(Self { claims, tenant, principal, permission: PhantomData })
    }
}

impl<P: Permission, S: Send + Sync> FromRequestParts<S> for Also<P>
where
    Access: FromRef<S>,
{
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let granted = match authenticate(parts, state, Some(P::NAME)).await {
            Ok(_) => true,
            Err(problem) if problem.code == PERMISSION_MISSING => false,
            Err(problem) => return Err(problem),
        };
        Ok(Self { granted, permission: PhantomData })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Authenticated
where
    Access: FromRef<S>,
{
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        authenticate(parts, state, None).await
    }
}

async fn authenticate<S>(parts: &Parts, state: &S, permission: Option<&str>) -> Result<Authenticated, Problem>
where
    Access: FromRef<S>,
{
    let (access, shown) = (Access::from_ref(state), bearer(parts)?);
    let token = access.verifier().verified(shown).await?;
    if let Some(tenant) = token.claims.tid {
        tracing::Span::current().record("tenant", tracing::field::display(tenant));
    }
    let (token, (tenant, principal)) = match access.admit_token(&token, permission).await {
        Err(ended) if ended.code == SESSION_ENDED => {
            let renewed = Box::pin(access.verifier().renew(shown, &token.claims)).await.ok_or(ended)??;
            let admitted = Box::pin(access.admit_token(&renewed, permission)).await?;
            (renewed, admitted)
        }
        admitted => (token, admitted?),
    };
    origin::spoken_by(|| speaker(&token.claims, &principal));
    Ok(Authenticated { claims: Arc::clone(&token.claims), tenant, principal })
}

/// As it is written down beside what they change.
fn speaker(claims: &Claims, principal: &Principal) -> Caller {
    Caller { principal: principal.clone(), client_id: claims.client_id.clone(), session: claims.sid }
}

impl<C: Callers, S: Send + Sync> FromRequestParts<S> for Internal<C>
where
    Access: FromRef<S>,
{
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let claims = Access::from_ref(state).verifier().verify(bearer(parts)?).await?;
        match claims.principal() {
            Some(Principal::Client(client_id)) if claims.tid.is_none() && admits(C::CLIENTS, &client_id) => {
                origin::spoken_by(|| speaker(&claims, &Principal::Client(client_id.clone())));
                Ok(Self { client_id, callers: PhantomData })
            }
            _ => Err(Problem::forbidden("platform_client_only", "Only the platform's own services may call this.")),
        }
    }
}

fn admits(clients: &[&str], client_id: &str) -> bool {
    clients.iter().any(|client| *client == EVERY_CLIENT || *client == client_id)
}

/// The token of `Authorization: Bearer …` (RFC 6750 §2.1).
fn bearer(parts: &Parts) -> Result<&str, Problem> {
    // `HeaderValue::to_str` looks at each byte, which takes longer than looking up the token.
    let header = parts.headers.get(header::AUTHORIZATION).and_then(|value| str::from_utf8(value.as_bytes()).ok());
    let (scheme, token) = header.and_then(|header| header.split_once(' ')).ok_or_else(|| {
        Problem::unauthorized("token_missing", "Send an access token: Authorization: Bearer <token>.")
    })?;
    if scheme.eq_ignore_ascii_case("bearer") {
        Ok(token.trim())
    } else {
        Err(Problem::unauthorized("token_missing", "The Authorization scheme must be Bearer."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    crate::permissions! { Read = "x.y" }

    /// Size of the future that such a function gives, in bytes.
    fn size<F: Future>(_: impl FnOnce(&'static mut Parts, &'static Access) -> F) -> usize {
        size_of::<F>()
    }

    #[test]
    fn what_every_request_carries_is_small() {
        let bytes = size(<Allowed<Read> as FromRequestParts<Access>>::from_request_parts);
        assert!(bytes <= 640, "{bytes}: what few requests need, such as fetching keys, belongs in a box");
    }
}
