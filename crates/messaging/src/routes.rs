//! Routes of one queue: which handler takes this body? It is parsed as a whole before anything happens.

use crate::{
    effect::{EVERY, Effect, Parsed, Unfit},
    every::{self, HandleEvery, Keeper},
    handler::{Delivery, Fault, Handle, HandleRaw, HandlerTx},
    inbox, schema,
};
use common::db::{CrossTenantTx, Db};
use contracts::{
    envelope::Envelope,
    messages::Message,
    topology::{self, Queue, Subscription},
};
use futures_util::future::BoxFuture;
use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

type FromEnvelope = Box<dyn Fn(Envelope) -> Result<Parsed, Unfit> + Send + Sync>;
type FromBody = Box<dyn Fn(&str) -> Result<Parsed, Unfit> + Send + Sync>;

/// Stands for the type of what has none.
pub const RAW: &str = "raw";
fn wanted(subscription: &Subscription) -> &'static [&'static str] {
    match (subscription.types, subscription.topic.carries_envelopes()) {
        ([], true) => &[EVERY],
        ([], false) => &[RAW],
        (types, _) => types,
    }
}

/// Why a service must not start to consume.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    #[error("the topology has no queue '{0}'")]
    Queue(&'static str),
    #[error("the queue '{queue}' has no handler for {types:?}, which it is subscribed to")]
    Handler { queue: &'static str, types: Vec<&'static str> },
    #[error("the queue '{queue}' is not subscribed to {types:?}, which have handlers")]
    Subscription { queue: &'static str, types: Vec<&'static str> },
}

/// Whether handlers of these types are those that the topology wants for the queue. A queue without filters takes
/// [`EVERY`] type, or bodies that are no envelopes ([`RAW`]).
///
/// # Errors
/// Names the types that have no handler, which would fill the dead-letter queue, or those that would never come.
pub fn check(queue: &'static str, handled: &BTreeSet<&'static str>) -> Result<(), Mismatch> {
    fits(topology::queue(queue).ok_or(Mismatch::Queue(queue))?, handled)
}

fn fits(queue: &Queue, handled: &BTreeSet<&'static str>) -> Result<(), Mismatch> {
    let subscribed: BTreeSet<_> = queue.subscriptions.iter().flat_map(wanted).copied().collect();
    let missing: Vec<_> = subscribed.difference(handled).copied().collect();
    if !missing.is_empty() {
        return Err(Mismatch::Handler { queue: queue.name, types: missing });
    }
    let idle: Vec<_> = handled.difference(&subscribed).copied().collect();
    if idle.is_empty() { Ok(()) } else { Err(Mismatch::Subscription { queue: queue.name, types: idle }) }
}

/// The handlers of one queue.
#[derive(Default)]
pub(crate) struct Routes {
    by_type: HashMap<&'static str, FromEnvelope>,
    raw: Option<FromBody>,
    /// Instead of handlers of types.
    pub(crate) every: Option<Arc<dyn Keeper>>,
    pub(crate) share_commits: bool,
}

impl Routes {
    pub(crate) fn on<M: Message, H: Handle<M>>(&mut self, handler: H) {
        let handler = Arc::new(handler);
        let parse = move |envelope: Envelope| {
            schema::check_incoming(M::TYPE, &envelope.data)
                .map_err(|misfit| Unfit::misfit(M::TYPE, &misfit, envelope.time))?;
            let data: M = serde_json::from_value(envelope.data)
                .map_err(|fault| Unfit::new(format!("the data of {} do not fit its schema", M::TYPE), Some(fault)))?;
            let delivery = Delivery {
                id: envelope.id,
                source: envelope.source,
                time: envelope.time,
                tenant: envelope.tenant,
                data,
            };
            Ok(Parsed {
                kind: M::TYPE,
                id: Some(delivery.id),
                tenant: delivery.tenant,
                traceparent: envelope.traceparent,
                shares_commit: H::SHARES_COMMIT,
                effect: Box::new(Typed { handler: Arc::clone(&handler), delivery }),
            })
        };
        self.by_type.insert(M::TYPE, Box::new(parse));
        self.share_commits |= H::SHARES_COMMIT;
    }

    pub(crate) fn every<H: HandleEvery>(&mut self, handler: H) {
        self.every = Some(Arc::new(handler));
        self.share_commits = true;
    }

    pub(crate) fn raw<H: HandleRaw>(&mut self, handler: H) {
        let handler = Arc::new(handler);
        self.raw = Some(Box::new(move |text| {
            let body = serde_json::from_str::<H::Body>(text)
                .map_err(|fault| Unfit::new("the body does not fit its schema", Some(fault)))?;
            Ok(Parsed {
                kind: RAW,
                id: H::event_key(&body).ok().map(|event| event.id()),
                tenant: None,
                traceparent: None,
                shares_commit: false,
                effect: Box::new(Raw { handler: Arc::clone(&handler), body }),
            })
        }));
    }

    /// Whether messages of some type may share a commit.
    pub(crate) fn share_commits(&self) -> bool {
        self.share_commits
    }

    /// The handler for `body`, or why there can never be one.
    pub(crate) fn parse(&self, body: &str) -> Result<Parsed, Unfit> {
        if let Some(raw) = &self.raw {
            return raw(body);
        }
        let envelope: Envelope =
            serde_json::from_str(body).map_err(|fault| Unfit::new("the body is not an envelope", Some(fault)))?;
        if let Some(keeper) = &self.every {
            return Ok(every::parsed(keeper, envelope));
        }
        match self.by_type.get(envelope.kind.as_str()) {
            Some(parse) => parse(envelope),
            None => Err(Unfit::new(format!("no handler takes the type '{}' here", envelope.kind), None)),
        }
    }
}

struct Typed<M, H> {
    handler: Arc<H>,
    delivery: Delivery<M>,
}

impl<M: Message, H: Handle<M>> Effect for Typed<M, H> {
    fn apply<'a>(&'a self, db: &'a Db, queue: &'a str) -> BoxFuture<'a, Result<bool, Fault>> {
        let (handler, delivery) = (&self.handler, &self.delivery);
        Box::pin(async move {
            inbox::check(delivery.id, db.ambient().now())?;
            let mut tx = H::Tx::begin(db, delivery.tenant).await?;
            if !inbox::claim(&mut tx, queue, delivery.id).await? {
                return Ok(false);
            }
            handler.handle(&mut tx, delivery).await?;
            tx.commit().await?;
            Ok(true)
        })
    }

    fn apply_within<'a>(&'a self, tx: &'a mut CrossTenantTx) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(async move {
            let tx = H::Tx::within(tx, self.delivery.tenant).await?;
            self.handler.handle(tx, &self.delivery).await
        })
    }
}

struct Raw<H: HandleRaw> {
    handler: Arc<H>,
    body: H::Body,
}

impl<H: HandleRaw> Effect for Raw<H> {
    fn apply<'a>(&'a self, db: &'a Db, queue: &'a str) -> BoxFuture<'a, Result<bool, Fault>> {
        Box::pin(async move {
            let event = H::event_key(&self.body)?;
            inbox::check(event.id(), db.ambient().now())?;
            let mut tx = CrossTenantTx::begin(db, None).await?;
            if !inbox::claim(&mut tx, queue, event.id()).await? {
                return Ok(false);
            }
            self.handler.handle(&mut tx, &self.body).await?;
            tx.commit().await?;
            Ok(true)
        })
    }

    fn apply_within<'a>(&'a self, tx: &'a mut CrossTenantTx) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(self.handler.handle(tx, &self.body))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use contracts::{
        messages::{MemberJoined, TenantCreated},
        topology::Topic,
    };
    use serde_json::{Value, json};
    use std::time::Duration;

    struct Nothing;
    impl Handle<MemberJoined> for Nothing {
        type Tx = CrossTenantTx;
        async fn handle(&self, _: &mut CrossTenantTx, _: &Delivery<MemberJoined>) -> Result<(), Fault> {
            Ok(())
        }
    }

    fn reason(body: Value) -> Option<String> {
        let mut routes = Routes::default();
        routes.on(Nothing);
        routes.parse(&body.to_string()).err().map(|unfit| unfit.reason)
    }

    fn envelope() -> Value {
        let id = "01890a5d-ac96-774b-bcce-b302099a8057";
        json!({"specversion": "1.0", "id": id, "source": "/services/auth", "type": MemberJoined::TYPE,
            "time": "2026-01-01T00:00:00Z", "data": {"tenant_id": id, "user_id": id}})
    }

    #[test]
    fn a_sound_body_is_taken_and_unknown_fields_are_ignored() {
        let mut body = envelope();
        body["later"] = json!(1);
        body["data"]["later"] = json!(1);
        assert_eq!(reason(body), None);
    }

    #[test]
    fn a_consumer_has_a_handler_for_each_type_that_comes_and_for_no_other() {
        const JOINED: &[&str] = &[MemberJoined::TYPE];
        let check = |types: &'static [&'static str], handled: &[&'static str]| {
            let topic = if types == [RAW] { Topic::SesFeedback } else { Topic::AuthEvents };
            let types: &[&str] = if types == [RAW] { &[] } else { types };
            let subscriptions = Box::leak(Box::new([Subscription { topic, types }]));
            let queue = Queue { name: "q", visibility_timeout: Duration::ZERO, subscriptions };
            fits(&queue, &handled.iter().copied().collect())
        };
        assert_eq!(check(JOINED, JOINED), Ok(()));
        assert_eq!((check(&[RAW], &[RAW]), check(&[], &[EVERY])), (Ok(()), Ok(())));
        let missing = |types| Err(Mismatch::Handler { queue: "q", types });
        assert_eq!(check(&[MemberJoined::TYPE, TenantCreated::TYPE], JOINED), missing(vec![TenantCreated::TYPE]));
        assert_eq!((check(&[RAW], &[]), check(&[], &[])), (missing(vec![RAW]), missing(vec![EVERY])));
        let idle = Err(Mismatch::Subscription { queue: "q", types: vec![RAW] });
        assert_eq!(check(JOINED, &[MemberJoined::TYPE, RAW]), idle);
    }

    #[test]
    fn what_can_never_be_taken_says_why() {
        for (field, value, expected) in [
            ("type", json!("auth.member.joined.v2"), "no handler takes the type 'auth.member.joined.v2'"),
            ("data", json!({}), "the data of auth.member.joined.v1 do not fit its schema: /tenant_id: required"),
            ("id", json!("x"), "the body is not an envelope"),
        ] {
            let mut body = envelope();
            body[field] = value;
            let reason = reason(body).unwrap();
            assert!(reason.starts_with(expected), "{reason}");
        }
    }
}
