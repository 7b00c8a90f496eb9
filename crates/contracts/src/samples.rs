//! Golden samples of every message and job.

use crate::{
    contract::Sample,
    envelope::{Envelope, source_of},
    id::{ClientId, InstanceId, JobId, MessageId, SessionId, TenantId, UserId},
    jobs::{BundlePart, InputObject, MigrateInstance, RunCommand, SeedInstance, TellFailure},
    mails::AnyMail,
    manifest::{Command, Manifest, Meter, Module, PermissionEntry, Scope},
    messages::{
        AccountResumed, AccountSuspended, ClientDeleted, CompromiseReason, FeatureDisabled, FeatureEnabled,
        JobFinished, JobOutcome, MemberJoined, Message, RunJob, SendMail, ServicePublished, SessionCompromised,
        TenantCreated, TenantKind, UsageBatchRecorded, UsageEvent, UsageRecorded,
    },
};
use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use uuid::Uuid;

/// Of a sample; another one for each number.
fn id(number: u128) -> Uuid {
    Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + number)
}

fn tenant() -> TenantId {
    TenantId(id(1))
}

fn instance() -> InstanceId {
    InstanceId(id(2))
}

/// With all the digits that PostgreSQL keeps.
fn moment() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::microseconds(1_800_000_000_123_456)
}

impl Sample for Envelope {
    fn samples() -> Vec<Self> {
        let bare = Self {
            specversion: "1.0".into(),
            id: MessageId(id(3)),
            source: source_of("auth"),
            kind: ClientDeleted::TYPE.into(),
            subject: None,
            time: moment(),
            tenant: None,
            traceparent: None,
            data: json!({}),
        };
        let traceparent = Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".into());
        vec![Self { subject: Some("acme".into()), tenant: Some(tenant()), traceparent, ..bare.clone() }, bare]
    }
}

impl Sample for TenantCreated {
    fn samples() -> Vec<Self> {
        let of = |kind| Self {
            tenant_id: tenant(),
            name: "Acme".into(),
            kind,
            owner_user_id: UserId(id(4)),
            owner_email: "ada@acme.example".into(),
        };
        vec![of(TenantKind::Customer), of(TenantKind::Platform)]
    }
}

impl Sample for MemberJoined {
    fn samples() -> Vec<Self> {
        let of = |membership_id| Self { tenant_id: tenant(), user_id: UserId(id(4)), membership_id };
        vec![of(Some(id(5))), of(None)]
    }
}

impl Sample for ClientDeleted {
    fn samples() -> Vec<Self> {
        vec![Self { tenant_id: tenant(), client_id: ClientId(id(6)) }]
    }
}

impl Sample for SessionCompromised {
    fn samples() -> Vec<Self> {
        let of = |client_id, reason| Self {
            tenant_id: tenant(),
            user_id: UserId(id(4)),
            session_id: SessionId(id(7)),
            client_id,
            reason,
        };
        vec![of(Some(ClientId(id(6))), CompromiseReason::CodeReused), of(None, CompromiseReason::RefreshReused)]
    }
}

impl Sample for ServicePublished {
    fn samples() -> Vec<Self> {
        let price = Decimal::new(2, 2);
        let permission = |scope| PermissionEntry {
            name: "forum.deletePosts".into(),
            text: "Delete anybody's post".into(),
            dangerous: true,
            scope,
            roles: vec!["member".into()],
            deprecated: false,
        };
        let module = Module {
            name: "polls".into(),
            title: "Polls".into(),
            depends_on: vec!["statistics".into()],
            price_per_hour: price,
        };
        let meter = Meter { name: "posts".into(), unit: "post".into(), table: "posts".into(), price_per_unit: price };
        let command = Command {
            name: "report".into(),
            program: "bin/report".into(),
            arguments: vec!["--daily".into()],
            env: BTreeMap::from([("MODE".into(), "fast".into())]),
            seconds: 60,
            memory_mib: 256,
            result: Some("public.take_report".into()),
            failure: Some("public.take_failure".into()),
        };
        let bare = Manifest {
            service: "forum".into(),
            version: "1.0.0".into(),
            title: "Forum".into(),
            description: String::new(),
            currency: "EUR".into(),
            price_per_hour: price,
            permissions: Vec::new(),
            modules: Vec::new(),
            meters: Vec::new(),
            commands: Vec::new(),
            setup: json!({ "type": "object" }),
        };
        let full = Manifest {
            description: "Posts and polls".into(),
            permissions: vec![permission(Scope::Tenant), permission(Scope::Platform)],
            modules: vec![module],
            meters: vec![meter],
            commands: vec![command],
            ..bare.clone()
        };
        vec![Self { manifest: full }, Self { manifest: bare }]
    }
}

impl Sample for FeatureEnabled {
    fn samples() -> Vec<Self> {
        let of = |version: Option<&str>, generation| Self {
            instance_id: instance(),
            service: "forum".into(),
            feature: "forum.polls".into(),
            host: "acme.forum.example".into(),
            effective_at: moment(),
            version: version.map(str::to_owned),
            generation,
        };
        vec![of(Some("1.0.0"), Some(2)), of(None, None)]
    }
}

impl Sample for FeatureDisabled {
    fn samples() -> Vec<Self> {
        let of = |version: Option<&str>, generation| Self {
            instance_id: instance(),
            service: "forum".into(),
            feature: "forum.polls".into(),
            effective_at: moment(),
            version: version.map(str::to_owned),
            generation,
        };
        vec![of(Some("1.0.0"), Some(3)), of(None, None)]
    }
}

impl Sample for AccountSuspended {
    fn samples() -> Vec<Self> {
        vec![Self { tenant_id: tenant(), invoice_id: id(8), suspended_at: moment(), generation: 1 }]
    }
}

impl Sample for AccountResumed {
    fn samples() -> Vec<Self> {
        vec![Self { tenant_id: tenant(), resumed_at: moment(), generation: 2 }]
    }
}

impl Sample for JobFinished {
    fn samples() -> Vec<Self> {
        let succeeded = Self {
            job_id: JobId(id(7)),
            kind: "instance.migrate".into(),
            instance_id: None,
            outcome: JobOutcome::Succeeded,
            reason: None,
            run: 1,
            cancelled: false,
        };
        let failed = Self {
            instance_id: Some(instance()),
            outcome: JobOutcome::Failed,
            reason: Some("the bundle is broken".into()),
            run: 2,
            ..succeeded.clone()
        };
        let cancelled = Self { reason: Some("cancelled by user:1".into()), cancelled: true, ..failed.clone() };
        vec![succeeded, failed, cancelled]
    }
}

impl Sample for SendMail {
    fn samples() -> Vec<Self> {
        let of = |mail: AnyMail| Self {
            key: format!("{}:1", mail.template()),
            recipient: "ada@acme.example".into(),
            expires_at: mail.lifetime().map(|lifetime| moment() + lifetime),
            mail,
        };
        AnyMail::samples().into_iter().map(of).collect()
    }
}

impl Sample for RunJob {
    fn samples() -> Vec<Self> {
        let of = |instance_id| Self {
            job_id: JobId(id(7)),
            kind: "instance.migrate".into(),
            version: 1,
            instance_id,
            payload: json!({ "service": "forum", "bundle_version": "1.0.0", "modules": ["polls"] }),
            unique_key: None,
            priority: None,
            run_after: None,
        };
        let special = Self {
            unique_key: Some("report:1".into()),
            priority: Some(1),
            run_after: Some(moment()),
            ..of(Some(instance()))
        };
        vec![of(Some(instance())), of(None), special]
    }
}

impl Sample for UsageRecorded {
    fn samples() -> Vec<Self> {
        let of = |quantity| Self {
            instance_id: instance(),
            service: "forum".into(),
            meter: "forum.posts".into(),
            key: format!("{}:posts:1", instance()),
            quantity,
            occurred_at: moment(),
        };
        vec![of(Decimal::ONE), of(Decimal::new(25, 3))]
    }
}

impl Sample for UsageBatchRecorded {
    fn samples() -> Vec<Self> {
        let event = |number: i64, quantity| UsageEvent {
            meter: "forum.posts".into(),
            key: format!("posts:{number}"),
            quantity,
            occurred_at: moment() + TimeDelta::seconds(number),
        };
        let of = |events| Self { instance_id: instance(), service: "forum".into(), events };
        vec![of(vec![event(1, Decimal::ONE), event(2, Decimal::new(25, 3))]), of(vec![event(1, Decimal::ONE)])]
    }
}

fn bundle() -> BundlePart {
    BundlePart { service: "forum".into(), bundle_version: "1.0.0".into(), modules: vec!["polls".into()] }
}

impl Sample for MigrateInstance {
    fn samples() -> Vec<Self> {
        vec![Self { bundle: bundle() }]
    }
}

impl Sample for SeedInstance {
    fn samples() -> Vec<Self> {
        let settings = Map::from_iter([("title".to_owned(), Value::from("Acme"))]);
        vec![Self { bundle: bundle(), settings }, Self { bundle: bundle(), settings: Map::new() }]
    }
}

impl Sample for RunCommand {
    fn samples() -> Vec<Self> {
        let of = |input, objects| Self {
            service: "pdf".into(),
            bundle_version: "1.0.0".into(),
            command: "extract".into(),
            input,
            objects,
        };
        let object = |key: &str, name: &str| Some(InputObject { key: key.parse().ok()?, name: name.parse().ok()? });
        let objects = object("files/0190a5d0.pdf", "file.pdf").into_iter().collect();
        vec![of(json!({ "pages": 3 }), objects), of(Value::Null, Vec::new())]
    }
}

impl Sample for TellFailure {
    fn samples() -> Vec<Self> {
        vec![Self {
            service: "pdf".into(),
            bundle_version: "1.0.0".into(),
            command: "extract".into(),
            job_id: JobId(id(7)),
            reason: "The file is encrypted.".into(),
        }]
    }
}
