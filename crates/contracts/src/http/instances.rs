//! What products, the worker and billing ask configurator.

use crate::{
    id::{InstanceId, TenantId},
    manifest::Manifest,
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::net::IpAddr;

/// Body of `PUT /internal/services/{name}`: a version of a product to be published.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Publication {
    pub manifest: Manifest,
}

/// Answer of `GET /internal/hosts/{host}`: the instance on a host, as its product needs it.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HostRecord {
    pub instance_id: InstanceId,
    pub tenant_id: TenantId,
    pub service: String,
    pub version: String,
    pub state: InstanceState,
    pub modules: Vec<String>,
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub settings: Map<String, Value>,
    /// JSON Schema (2020-12) of the setup form.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub setup_schema: Value,
    /// Goes up at each change.
    pub generation: i64,
    /// With the role of the product; absent until the database is migrated, and while the tenant is suspended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database_url: Option<String>,
    /// Since when the tenant is suspended: nobody is served. The `state` is then what it is without that: a product that
    /// does not know this field reads the answer all the same, and without a database it serves nobody either.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspended_since: Option<DateTime<Utc>>,
    /// Seconds after which asking again makes sense, in states that pass by themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u32>,
}

/// Body of `POST /internal/hosts/{host}/setup`: the setup form, filled in.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SetupSubmission {
    /// What the tenant sees as the instance's `setup_code`; case, spaces and dashes do not matter.
    #[cfg_attr(feature = "openapi", schema(example = "K7PW-3XQA-9GTM-ZB4C-WH6D-JN2R-VY8E"))]
    pub setup_code: String,
    /// Network address of whoever filled in the form, as the product sees it. Wrong codes are limited per source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, example = "203.0.113.7"))]
    pub source: Option<IpAddr>,
    /// Values for the properties of the manifest's setup schema.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub settings: Map<String, Value>,
}

/// Where an instance is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "sqlx", derive(sqlx::Type), sqlx(type_name = "text", rename_all = "snake_case"))]
#[serde(rename_all = "snake_case")]
pub enum InstanceState {
    /// The host is somebody's own domain: waits for the DNS record that proves it.
    AwaitingProof,
    /// Waits for the provisioner.
    Requested,
    /// The provisioner makes the database and its roles.
    Provisioning,
    /// The host shows the setup form.
    AwaitingSetup,
    /// The worker makes the tables.
    Migrating,
    /// The worker fills in what the setup form said.
    Seeding,
    /// In use, and billed.
    Active,
    /// As `active`, but nobody is served, as the tenant has not paid. Nothing is lost, and it is `active` again once the
    /// tenant is resumed.
    Suspended,
    /// Cancelled or expired: the host is free, and the provisioner drops the database and its roles.
    Deleting,
    /// Gone.
    Deleted,
}

/// Answer of `GET /internal/instances/{id}/credentials`: how the worker reaches an instance's database.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Credentials {
    /// With the role that owns the database.
    pub database_url: String,
    /// The role that the product works with.
    pub app_role: String,
    /// With that role; absent in what older configurators say, as are the two below.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app_database_url: Option<String>,
    /// Whose instance it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<TenantId>,
    /// Of which product.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
}

/// Item of `GET /internal/active-features`: an instance in use, with all its features, as they were at one instant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ActiveInstance {
    pub instance_id: InstanceId,
    pub tenant_id: TenantId,
    #[cfg_attr(feature = "openapi", schema(example = "forum"))]
    pub service: String,
    /// Of the service that it runs.
    #[cfg_attr(feature = "openapi", schema(example = "1.0.0"))]
    pub version: String,
    #[cfg_attr(feature = "openapi", schema(example = "acme.forum.example.com"))]
    pub host: String,
    /// Of the last change that was counted, as `configurator.feature.enabled.v1` says it; 0 if none was. `features` is
    /// what all changes up to it have come to, and those that older configurators have made.
    #[cfg_attr(feature = "openapi", schema(minimum = 0, example = 2))]
    pub generation: i64,
    /// The service itself, and its modules.
    pub features: Vec<ActiveFeature>,
    /// Modules that were in use and were removed, the last 100; none in what older configurators say.
    #[serde(default)]
    pub ended: Vec<EndedFeature>,
}

/// A feature that was in use.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EndedFeature {
    #[cfg_attr(feature = "openapi", schema(example = "forum.polls"))]
    pub feature: String,
    /// The `effective_at` of the message that said so.
    pub since: DateTime<Utc>,
    /// That of the message that said that it is no longer.
    pub until: DateTime<Utc>,
}

/// A feature in use.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ActiveFeature {
    #[cfg_attr(feature = "openapi", schema(example = "forum.polls"))]
    pub feature: String,
    /// The `effective_at` of the message that said so.
    pub since: DateTime<Utc>,
}
