//! Extractors of what a handler knows of the instance it serves; [`crate::tenancy::Tenancy`] put it into the request.

use crate::{database::Database, pages};
use access::{Access, Allowed, Permission};
use axum::{
    extract::{FromRef, FromRequestParts, Request, State},
    http::request::Parts,
    middleware::Next,
    response::Response,
};
use common::problem::Problem;
use contracts::{
    http::instances::HostRecord,
    id::{InstanceId, TenantId},
};
use objects::Bucket;
use serde_json::{Map, Value};
use std::{collections::BTreeSet, ops::Deref, sync::Arc};

/// The active instance on the request's host; cheap to clone.
#[derive(Clone)]
pub struct Instance {
    pub id: InstanceId,
    pub tenant: TenantId,
    /// Of the product's bundle.
    pub version: Arc<str>,
    /// The optional parts that the tenant has enabled.
    pub modules: Arc<BTreeSet<String>>,
    /// What the setup form was filled in with.
    pub settings: Arc<Map<String, Value>>,
    pub database: Database,
    objects: Option<objects::Objects>,
}

impl Instance {
    pub(crate) fn new(record: HostRecord, database: Database, bucket: Option<&Bucket>) -> Self {
        let objects = bucket.map(|bucket| bucket.of(&record.service, record.tenant_id, record.instance_id));
        let HostRecord { instance_id: id, tenant_id: tenant, version, modules, settings, .. } = record;
        Self {
            id,
            tenant,
            version: version.into(),
            modules: modules.into_iter().collect::<BTreeSet<_>>().into(),
            settings: settings.into(),
            database,
            objects,
        }
    }

    fn of(parts: &Parts) -> Result<&Self, Problem> {
        parts.extensions.get().ok_or_else(|| Problem::internal(&OutsideTenancy))
    }
}

/// A route asks for the instance but was not wrapped by the layer that finds it.
#[derive(Debug, thiserror::Error)]
#[error("the route is not behind Tenancy")]
struct OutsideTenancy;

impl<S: Send + Sync> FromRequestParts<S> for Instance {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Self::of(parts).cloned()
    }
}

/// The instance's own database, under the product's own role.
pub struct Db(pub Database);

impl Deref for Db {
    type Target = Database;
    fn deref(&self) -> &Database {
        &self.0
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Db {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Instance::of(parts).map(|instance| Self(instance.database.clone()))
    }
}

/// The instance's own objects in S3, of a product that has [`Product::OBJECTS`](crate::Product::OBJECTS).
pub struct Objects(pub objects::Objects);

impl Deref for Objects {
    type Target = objects::Objects;
    fn deref(&self) -> &objects::Objects {
        &self.0
    }
}

/// A route asks for objects but the product has none.
#[derive(Debug, thiserror::Error)]
#[error("the product does not say that it has objects")]
struct NoObjects;

impl<S: Send + Sync> FromRequestParts<S> for Objects {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let objects = Instance::of(parts)?.objects.clone();
        objects.map(Self).ok_or_else(|| Problem::internal(&NoObjects))
    }
}

/// The caller has the platform permission `P` **in the tenant whose instance this is**; a permission of another tenant
/// counts for nothing here.
pub struct InstanceAllowed<P>(pub Allowed<P>);

impl<P: Permission, S: Send + Sync> FromRequestParts<S> for InstanceAllowed<P>
where
    Access: FromRef<S>,
{
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let allowed = Allowed::<P>::from_request_parts(parts, state).await?;
        if allowed.tenant != Instance::of(parts)?.tenant {
            return Err(Problem::forbidden(
                "wrong_tenant",
                "This token acts in another tenant than the one whose instance this is.",
            ));
        }
        Ok(Self(allowed))
    }
}

/// The module that [`require_module`] asks for.
#[derive(Clone, Copy, Debug)]
pub struct Module(pub &'static str);

/// A layer for the routes of a module: where the tenant has not enabled it, they are not there.
///
/// `router.layer(axum::middleware::from_fn_with_state(Module("polls"), require_module))`
pub async fn require_module(
    State(Module(name)): State<Module>,
    instance: Instance,
    request: Request,
    next: Next,
) -> Response {
    if instance.modules.contains(name) { next.run(request).await } else { pages::nothing_here(request.headers()) }
}
