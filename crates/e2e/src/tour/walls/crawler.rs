//! Crawler of every GET operation: what has a tenant, and what does it see of it?
//!
//! Each is asked as the tenant's owner, and as the operator for what only operators see.

use super::{
    super::{
        guide::Guide,
        http::{Answer, Call, list},
        sessions::Session,
    },
    known::{Known, Whose},
    sample::Sampler,
    spec::{Body, Door, Operation, PRODUCT},
};
use anyhow::{Result, bail, ensure};
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What every tenant sees alike: whoever knows a coupon's code may redeem it, and rates of VAT are a country's.
const EVERYBODYS: [(&str, &str); 4] = [
    ("billing", "createCoupon"),
    ("billing", "enterTaxRate"),
    ("configurator", "listServices"),
    ("permission", "listPermissions"),
];
/// What is the platform's own, to fill parameters with: a queue that has dead letters since an earlier step, and the id
/// of none of them, nor of a parked message, nor of anything in which billing and the configurator differ; the forum's
/// plan.
const PLATFORMS: [(&str, &str, &str); 6] = [
    ("plans", "name", PRODUCT),
    ("versions", "name", "1.0.0"),
    ("feature-discrepancies", "id", "00000000-0000-4000-8000-000000000000"),
    ("queues", "name", "billing-usage"),
    ("dead-letters", "id", "00000000-0000-4000-8000-000000000000"),
    ("parked-messages", "id", "00000000-0000-4000-8000-000000000000"),
];
/// Members that change by being looked at, or as the clock moves on: the forum counts by the hour, up to the present
/// one, cycles are proved again, and URLs are signed for some minutes.
const VOLATILE: [&str; 6] = ["last_used_at", "hours", "proved_at", "receives", "url", "urls_expire_at"];
/// Ids found by one round are what the next one asks about; deeper than this nothing lies.
const ROUNDS: usize = 4;
const MOST_PAGES: usize = 50;
/// What operators make for a tenant.
const OF_A_TENANT: &str = "/tenants/{tenant_id}";

/// What was seen, by request.
pub type Seen = BTreeMap<String, Sight>;

#[derive(Clone, Debug, PartialEq)]
pub enum Sight {
    Own(Value),
    /// Those items of an operators' list that are the tenant's.
    ForOperators(Vec<Value>),
}

pub struct Crawler<'a> {
    pub guide: &'a Guide,
    pub operations: &'a [Operation],
    pub owner: &'a Session,
    /// Of the tenant's copies of products.
    pub hosts: &'a [&'a str],
}

impl Crawler<'_> {
    /// Everything that can be seen, and what is known by it, `known` included.
    pub async fn crawl(&self, mut known: Known) -> Result<(Known, Seen)> {
        let mut seen = Seen::new();
        for (container, member, value) in PLATFORMS {
            known.learn(container, &json!({ member: value }), Whose::Everybodys);
        }
        for _ in 0..ROUNDS {
            let before = seen.len();
            for operation in self.operations.iter().filter(|operation| operation.method == Method::GET) {
                for path in paths(operation, &known) {
                    self.look(operation, &path, &mut known, &mut seen).await?;
                }
            }
            if seen.len() == before {
                return Ok((known, seen));
            }
        }
        bail!("there was still more to be seen after {ROUNDS} rounds")
    }

    /// Has one thing made in each collection where the tenant has none, as the example of its document says.
    pub async fn furnish(&self, known: &mut Known) -> Result<()> {
        let is_list = |create: &Operation| {
            self.operations.iter().any(|list| {
                list.method == Method::GET && (&list.service, &list.path) == (&create.service, &create.path)
            })
        };
        let creations = self.operations.iter().filter(|operation| {
            operation.method == Method::POST && operation.door == Door::Bearer && is_list(operation)
        });
        for operation in creations.filter(|operation| !operation.path.replace(OF_A_TENANT, "").contains('{')) {
            let (Some(body), Some(path)) = (&operation.body, paths(operation, known).pop()) else { continue };
            if !known.values(operation.container(), "id", true).is_empty() {
                continue;
            }
            if let Some((example, made)) = self.make(operation, &path, body, known).await? {
                known.learn(operation.container(), &made, whose(operation));
                self.guide.saw(format!("Ada has {} {example}", operation.container()));
            }
        }
        Ok(())
    }

    /// By Ada, or by the operator for her; `None` if neither may.
    async fn make(
        &self,
        operation: &Operation,
        path: &str,
        Body { schema, schemas, .. }: &Body,
        known: &Known,
    ) -> Result<Option<(Value, Value)>> {
        let nobodys = Known::default();
        for (token, known) in [(&*self.owner.token, &nobodys), (self.guide.operator(), known)] {
            let sampler = Sampler { known, schemas };
            let Some(example) = sampler.bodies(schema).into_iter().next() else { continue };
            let call = self.guide.post(&operation.service, path).bearer(token).json(&example);
            let made = call.send().await?;
            if made.status == 201 {
                return Ok(Some((example, made.json()?)));
            }
        }
        Ok(None)
    }

    /// The operator removes what would go on by itself: schedules order jobs for ever.
    pub async fn stop(&self, known: &Known) -> Result<()> {
        for id in known.values("schedules", "id", true) {
            let call = self.guide.delete("worker", &format!("/v1/schedules/{id}")).bearer(self.guide.operator());
            call.header("If-Match", "*").expect(204).await?;
        }
        Ok(())
    }

    async fn look(&self, operation: &Operation, path: &str, known: &mut Known, seen: &mut Seen) -> Result<()> {
        let call = || self.guide.call(Method::GET, &operation.service, path);
        match operation.door {
            Door::Bearer if seen.contains_key(&what(operation, path, "")) => {}
            Door::Bearer => match self.read(operation, || call().bearer(&self.owner.token)).await? {
                Ok(answer) => {
                    known.learn(operation.container(), &answer, whose(operation));
                    seen.insert(what(operation, path, ""), Sight::Own(answer));
                }
                Err(refused) if refused.status == 403 => self.look_as_operator(operation, path, known, seen).await?,
                Err(_) => {}
            },
            // Of the public operations only products have a tenant's things, and whose they are the host says.
            Door::Public | Door::Member if operation.service == PRODUCT => {
                for host in self.hosts {
                    if let Ok(answer) = self.read(operation, || call().host(host)).await? {
                        known.learn(operation.container(), &answer, Whose::Tenants);
                        seen.insert(what(operation, path, host), Sight::Own(answer));
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Operators see every tenant's; what names something of this one is this one's.
    async fn look_as_operator(
        &self,
        operation: &Operation,
        path: &str,
        known: &mut Known,
        seen: &mut Seen,
    ) -> Result<()> {
        let call = || self.guide.call(Method::GET, &operation.service, path).bearer(self.guide.operator());
        let Ok(answer) = self.read(operation, call).await? else { return Ok(()) };
        let items = answer["items"].as_array().cloned().unwrap_or_else(|| vec![answer]);
        let own: Vec<Value> = items.into_iter().filter(|item| known.is_in(&item.to_string())).collect();
        own.iter().for_each(|item| known.learn(operation.container(), item, Whose::Tenants));
        seen.insert(what(operation, path, ""), Sight::ForOperators(own));
        Ok(())
    }

    /// The whole answer, all pages of a list in one; or the refusal.
    async fn read(&self, operation: &Operation, call: impl Fn() -> Call) -> Result<Result<Value, Answer>> {
        let (mut whole, mut cursor) = (None::<Value>, None::<String>);
        for _ in 0..MOST_PAGES {
            let mut query = Vec::new();
            if operation.query.iter().any(|name| name == "limit") {
                query.push(("limit", "200"));
            }
            query.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
            let answer = call().query(&query).send().await?;
            ensure!(answer.status < 500, "{answer}");
            if answer.status != 200 {
                return Ok(Err(answer));
            }
            // Pages for people say nothing that the API does not.
            let Ok(mut page) = answer.json() else { return Ok(Ok(Value::Null)) };
            still(&mut page);
            cursor = page.as_object_mut().and_then(|page| page.remove("next_cursor")?.as_str().map(str::to_owned));
            match &mut whole {
                None => whole = Some(page),
                Some(whole) => whole["items"]
                    .as_array_mut()
                    .into_iter()
                    .for_each(|items| items.extend(list(&page, "/items").iter().cloned())),
            }
            if cursor.is_none() {
                return Ok(Ok(whole.unwrap_or_default()));
            }
        }
        bail!("{} has no end", operation.path)
    }
}

/// What is different now: nothing that the tenant sees may be, and operators may only see more.
pub fn changes(before: &Seen, after: &Seen) -> Vec<String> {
    let same = |request: &String, sight: &Sight| match (sight, after.get(request)) {
        (Sight::ForOperators(before), Some(Sight::ForOperators(after))) => {
            before.iter().all(|item| after.contains(item))
        }
        (before, after) => after == Some(before),
    };
    before
        .iter()
        .filter(|(request, sight)| !same(request, sight))
        .map(|(request, sight)| format!("{request}: {sight:?}, now {:?}", after.get(request)))
        .collect()
}

/// The operation's path, once for each way to fill its parameters with what is known.
pub fn paths(operation: &Operation, known: &Known) -> Vec<String> {
    let mut paths = vec![operation.path.clone()];
    for parameter in operation.parameters() {
        let hole = format!("{{{}}}", parameter.name);
        let values = known.values(parameter.container, parameter.name, true);
        let values = if values.is_empty() { known.values(parameter.container, parameter.name, false) } else { values };
        paths = paths.iter().flat_map(|path| values.iter().map(|value| path.replacen(&hole, value, 1))).collect();
    }
    paths
}

fn whose(operation: &Operation) -> Whose {
    if EVERYBODYS.contains(&(&operation.service, &operation.id)) { Whose::Everybodys } else { Whose::Tenants }
}

fn what(operation: &Operation, path: &str, host: &str) -> String {
    format!("GET {} {path} {host}", operation.service)
}

fn still(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|name, _| !VOLATILE.contains(&name.as_str()));
            members.values_mut().for_each(still);
        }
        Value::Array(items) => items.iter_mut().for_each(still),
        _ => {}
    }
}
