//! Which facts and orders exist, and what do they carry?
//!
//! Shapes only grow: a new field has a default, a removed or retyped one needs a new `VERSION`.

use crate::{
    id::{ClientId, InstanceId, JobId, TenantId, UserId},
    manifest::Manifest,
    topology::Topic,
};
use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use uuid::Uuid;

/// A shape that travels: its type name, the topic it is published on and the version of its shape.
pub trait Message: Serialize + DeserializeOwned + JsonSchema + Send + Sync + 'static {
    const TYPE: &'static str;
    const TOPIC: Topic;
    const VERSION: u32 = 1;
}

macro_rules! messages {
    ($($name:ident = $type:literal on $topic:ident),+ $(,)?) => {
        $(impl Message for $name {
            const TYPE: &'static str = $type;
            const TOPIC: Topic = Topic::$topic;
        })+
        /// Every message type with its topic, in one list.
        pub const ALL: &[(&str, Topic)] = &[$(($type, Topic::$topic)),+];
        /// Every message's file name and JSON Schema.
        pub(crate) fn schemas() -> Vec<(&'static str, schemars::Schema)> {
            vec![$(($type, schemars::schema_for!($name))),+]
        }
    };
}

messages! {
    TenantCreated = "auth.tenant.created" on AuthEvents,
    MemberJoined = "auth.member.joined" on AuthEvents,
    ClientDeleted = "auth.client.deleted" on AuthEvents,
    ServicePublished = "configurator.service.published" on ConfiguratorEvents,
    FeatureEnabled = "configurator.feature.enabled" on ConfiguratorEvents,
    FeatureDisabled = "configurator.feature.disabled" on ConfiguratorEvents,
    JobFinished = "worker.job.finished" on WorkerEvents,
    SendMail = "mail.send" on MailerCommands,
    RunJob = "job.run" on WorkerCommands,
    UsageRecorded = "usage.recorded" on Usage,
}

/// What a tenant is: a customer, or the company that runs the platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TenantKind {
    Customer,
    Platform,
}

/// A tenant exists, with its first owner.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TenantCreated {
    pub tenant_id: TenantId,
    pub name: String,
    pub kind: TenantKind,
    pub owner_user_id: UserId,
    /// Where invoices go until the tenant says otherwise.
    pub owner_email: String,
}

/// A person became a member of a tenant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MemberJoined {
    pub tenant_id: TenantId,
    pub user_id: UserId,
    /// Tells this membership from an earlier one of the same person; absent where an older auth says it.
    #[serde(default)]
    pub membership_id: Option<Uuid>,
}

/// A tenant's machine is no more; its tokens were refused before this was said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ClientDeleted {
    pub tenant_id: TenantId,
    pub client_id: ClientId,
}

/// A version of a product service can be enabled from now on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ServicePublished {
    pub manifest: Manifest,
}

/// A tenant uses a feature (the service itself, or one of its modules) from `effective_at` on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FeatureEnabled {
    pub instance_id: InstanceId,
    pub service: String,
    /// `forum` for the service itself, `forum.polls` for its module.
    pub feature: String,
    pub host: String,
    pub effective_at: DateTime<Utc>,
    /// Of the service that the instance runs from then on, whose prices hold; absent in what older configurators say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// A tenant stopped using a feature at `effective_at`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FeatureDisabled {
    pub instance_id: InstanceId,
    pub service: String,
    pub feature: String,
    pub effective_at: DateTime<Utc>,
}

/// How a job ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobOutcome {
    Succeeded,
    Failed,
}

/// A job will not run again by itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct JobFinished {
    pub job_id: JobId,
    pub kind: String,
    pub instance_id: Option<InstanceId>,
    pub outcome: JobOutcome,
    /// Why it failed, for people.
    pub reason: Option<String>,
    /// Which run of the job has ended: 1, and one more each time an operator has it run again. The end of the highest run counts.
    #[serde(default = "first")]
    pub run: u32,
}

/// Send one mail, once for each `key`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SendMail {
    /// Idempotency key: the same key is the same mail.
    pub key: String,
    pub template: String,
    pub recipient: String,
    pub variables: Map<String, Value>,
    /// After this the mail is pointless, as its link has expired; absent means that the mailer decides how long it tries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<DateTime<Utc>>,
}

/// Run one job, once for each `job_id`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunJob {
    pub job_id: JobId,
    pub kind: String,
    /// Version of the handler; absent means 1.
    #[serde(default = "first")]
    pub version: u32,
    pub instance_id: Option<InstanceId>,
    pub payload: Value,
}

fn first() -> u32 {
    1
}

/// A tenant used `quantity` units of a meter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UsageRecorded {
    pub instance_id: InstanceId,
    pub service: String,
    /// `forum.posts`
    pub meter: String,
    /// Unique for ever within the tenant and service: the same key is the same usage.
    pub key: String,
    pub quantity: Decimal,
    pub occurred_at: DateTime<Utc>,
}
