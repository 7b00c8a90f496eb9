//! The facts and orders that services send each other, and what they carry.
//!
//! How a message evolves: its fields only grow. A new one has a default, and readers ignore those that they do not
//! know. A limit (`schemars(length(…))`) comes with its field or never. Variants are added only to a union that says so
//! ([`EXTENSIBLE`](crate::contract::EXTENSIBLE)). Whatever else changes is a new type beside the old one, as
//! `auth.tenant.created.v2`: first its consumers subscribe to both and have a handler for each, then its publishers say
//! the new one only, and when no outbox and no queue holds the old one, it goes.

pub use crate::contract::PRODUCTS;

use crate::{
    contract::{Contract, Sample},
    id::{ClientId, InstanceId, JobId, SessionId, TenantId, UserId},
    jobs::Job,
    mails::AnyMail,
    manifest::Manifest,
    topic::Topic,
};
use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use uuid::Uuid;

/// What travels between services.
pub trait Message: Serialize + DeserializeOwned + JsonSchema + Sample + Send + Sync + 'static {
    /// Name and version: what filter policies and handlers know it by.
    const TYPE: &'static str;
    /// Where it is published.
    const TOPIC: Topic;
    /// The services that say it; [`PRODUCTS`] for every product.
    const PUBLISHERS: &'static [&'static str];
}

/// A message as the list has it; see [`Message`].
#[derive(Clone, Copy, Debug)]
pub struct Declared {
    pub kind: &'static str,
    pub topic: Topic,
    pub publishers: &'static [&'static str],
}

macro_rules! messages {
    ($($name:ident = $type:literal on $topic:ident by $publishers:expr),+ $(,)?) => {
        $(impl Message for $name {
            const TYPE: &'static str = $type;
            const TOPIC: Topic = Topic::$topic;
            const PUBLISHERS: &'static [&'static str] = $publishers;
        })+
        /// Every message, in one list.
        pub const ALL: &[Declared] =
            &[$(Declared { kind: $type, topic: Topic::$topic, publishers: $publishers }),+];
        /// Every message's.
        pub(crate) fn contracts() -> Vec<Contract> {
            vec![$(Contract::of::<$name>($type.to_owned())),+]
        }
    };
}

messages! {
    TenantCreated = "auth.tenant.created.v1" on AuthEvents by &["auth"],
    MemberJoined = "auth.member.joined.v1" on AuthEvents by &["auth"],
    ClientDeleted = "auth.client.deleted.v1" on AuthEvents by &["auth"],
    SessionCompromised = "auth.session.compromised.v1" on AuthEvents by &["auth"],
    ServicePublished = "configurator.service.published.v1" on ConfiguratorEvents by &["configurator"],
    FeatureEnabled = "configurator.feature.enabled.v1" on ConfiguratorEvents by &["configurator"],
    FeatureDisabled = "configurator.feature.disabled.v1" on ConfiguratorEvents by &["configurator"],
    JobFinished = "worker.job.finished.v1" on WorkerEvents by &["worker"],
    AccountSuspended = "billing.account.suspended.v1" on BillingEvents by &["billing"],
    AccountResumed = "billing.account.resumed.v1" on BillingEvents by &["billing"],
    SendMail = "mail.send.v1" on MailerCommands by &["auth", "billing"],
    RunJob = "job.run.v1" on WorkerCommands by &["configurator", PRODUCTS[0]],
    UsageRecorded = "usage.recorded.v1" on Usage by PRODUCTS,
    UsageBatchRecorded = "usage.batch.recorded.v1" on Usage by PRODUCTS,
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

/// A session has ended because somebody has a copy of what renews or begins it; none of its tokens is taken any more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SessionCompromised {
    pub tenant_id: TenantId,
    pub user_id: UserId,
    pub session_id: SessionId,
    /// The app whose session it was; absent for the person's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<ClientId>,
    pub reason: CompromiseReason,
}

/// What was shown twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CompromiseReason {
    /// A refresh token (RFC 9700, 4.14.2).
    RefreshReused,
    /// An authorization code (RFC 6749, 4.1.2).
    CodeReused,
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
    /// Counts the changes of the instance's features, enabled and disabled, whichever feature it is: 1, 2, 3 … in the
    /// order of their commits, whatever `effective_at` says. Each number is said of one change, however often: one that
    /// was not heard, below one that was, is a message that has not come, or not yet.
    ///
    /// Absent in what older configurators say. They take no number either, so such a change leaves no gap, and its
    /// place among the counted ones is not known. While they are about, the first number of an instance may come long
    /// after its first change, and numbers without a gap do not prove that nothing is missing: ask
    /// `GET /internal/active-features`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub generation: Option<i64>,
}

/// A tenant stopped using a feature at `effective_at`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FeatureDisabled {
    pub instance_id: InstanceId,
    pub service: String,
    pub feature: String,
    pub effective_at: DateTime<Utc>,
    /// Of the service that the instance ran until then; absent in what older configurators say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 5, max = 32))]
    pub version: Option<String>,
    /// As in `configurator.feature.enabled.v1`: both count together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub generation: Option<i64>,
}

/// A tenant has not paid for so long that it is to be served no more, until it has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AccountSuspended {
    pub tenant_id: TenantId,
    /// The invoice whose last reminder had no effect.
    pub invoice_id: Uuid,
    pub suspended_at: DateTime<Utc>,
    /// Counts the suspensions and resumptions of the account together: 1, 2, 3 … The highest one that was heard holds.
    #[schemars(range(min = 1))]
    pub generation: i64,
}

/// A tenant that was suspended owes nothing any more that it was suspended for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AccountResumed {
    pub tenant_id: TenantId,
    pub resumed_at: DateTime<Utc>,
    /// As in `billing.account.suspended.v1`: both count together.
    #[schemars(range(min = 1))]
    pub generation: i64,
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
    /// Which run of the job has ended: 1, and one more each time an operator has it run again. The end of the highest
    /// run counts.
    #[serde(default = "first")]
    pub run: u32,
    /// It failed because somebody cancelled it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub cancelled: bool,
}

/// Send one mail, once for each `key`. Mails are added: one that a mailer does not know waits for one that does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-extensible" = "template"))]
pub struct SendMail {
    /// Idempotency key: the same key is the same mail.
    #[schemars(length(min = 1, max = 200))]
    pub key: String,
    pub recipient: String,
    #[serde(flatten)]
    pub mail: AnyMail,
    /// After this the mail is pointless, as its link has expired; absent means that the mailer decides how long it
    /// tries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<DateTime<Utc>>,
}

/// Run one job, once for each `job_id`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunJob {
    pub job_id: JobId,
    pub kind: String,
    /// Of the job; absent means 1.
    #[serde(default = "first")]
    pub version: u32,
    pub instance_id: Option<InstanceId>,
    pub payload: Value,
    /// While a job of the tenant and kind with this key is not finished, this order is that job: its end is told under
    /// the id of each order. Absent means a job of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unique_key: Option<String>,
    /// 1 to 9: among the tenant's jobs of the kind 1 is begun first. Absent means 5.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<u8>,
    /// It is not begun before; absent means at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_after: Option<DateTime<Utc>>,
}

fn first() -> u32 {
    1
}

fn is_false(value: &bool) -> bool {
    !value
}

impl RunJob {
    /// The order to do `job` for an instance.
    pub fn of<J: Job>(job_id: JobId, instance_id: InstanceId, job: &J) -> Result<Self, serde_json::Error> {
        let payload = serde_json::to_value(job)?;
        Ok(Self {
            job_id,
            kind: J::KIND.into(),
            version: J::VERSION,
            instance_id: Some(instance_id),
            payload,
            unique_key: None,
            priority: None,
            run_after: None,
        })
    }
}

/// A tenant used `quantity` units of a meter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UsageRecorded {
    pub instance_id: InstanceId,
    pub service: String,
    /// `forum.posts`
    pub meter: String,
    /// Unique for ever within the tenant and service: the same key is the same usage.
    #[schemars(length(min = 1, max = 255))]
    pub key: String,
    pub quantity: Decimal,
    pub occurred_at: DateTime<Utc>,
}

/// An instance used its meters: events that count, or do not, each for itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UsageBatchRecorded {
    pub instance_id: InstanceId,
    #[schemars(length(min = 1, max = 40))]
    pub service: String,
    #[schemars(length(min = 1, max = 1000))]
    pub events: Vec<UsageEvent>,
}

/// What an instance used at one time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UsageEvent {
    /// `forum.posts`
    #[schemars(length(min = 1, max = 100))]
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 100))]
    pub meter: String,
    /// Unique for ever within the instance: the same key is the same usage.
    #[schemars(length(min = 1, max = 218))]
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 218))]
    pub key: String,
    /// In units of the meter, with at most 14 digits on each side of the point.
    #[schemars(with = "String", regex(pattern = r"^-?\d{1,14}(\.\d{1,14})?$"))]
    #[cfg_attr(feature = "openapi", schema(value_type = String, pattern = r"^-?\d{1,14}(\.\d{1,14})?$"))]
    pub quantity: Decimal,
    pub occurred_at: DateTime<Utc>,
}

impl UsageBatchRecorded {
    /// Most events in one message.
    pub const MOST_EVENTS: usize = 1_000;

    /// The events, each as [`UsageRecorded`] says it. A tenant may have two instances, and both may count their rows
    /// from 1, so within the tenant the instance is part of the key.
    pub fn into_events(self) -> Vec<UsageRecorded> {
        let Self { instance_id, service, events } = self;
        let of = |UsageEvent { meter, key, quantity, occurred_at }| {
            let key = format!("{instance_id}:{key}");
            UsageRecorded { instance_id, service: service.clone(), meter, key, quantity, occurred_at }
        };
        events.into_iter().map(of).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_says_its_version() {
        for Declared { kind, .. } in ALL {
            let version = kind.rsplit_once(".v").and_then(|(_, version)| version.parse::<u32>().ok());
            assert!(version.is_some_and(|version| version > 0), "{kind}");
        }
    }
}
