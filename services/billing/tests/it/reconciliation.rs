//! Tests of reconciliation: what the configurator says, against what billing has heard.

use crate::world::{Customer, World};
use axum::{
    Router,
    extract::{Query, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::get,
};
use chrono::{DateTime, Utc};
use common::page::{Page, PageQuery};
use contracts::{
    http::instances::{ActiveFeature, ActiveInstance, EndedFeature},
    id::InstanceId,
};
use serde_json::Value;
use std::sync::{Arc, Mutex};
use test_support::{TestPlatform, eventually};

/// What the configurator says: active instances, in pages of one; or that it is away, from a page on.
#[derive(Clone, Default)]
pub struct Configurator(Arc<Mutex<(Vec<ActiveInstance>, Option<usize>)>>);

impl Configurator {
    pub fn says(&self, mut instances: Vec<ActiveInstance>) {
        instances.sort_by_key(|instance| instance.instance_id);
        *self.0.lock().unwrap() = (instances, None);
    }

    fn is_away_after(&self, pages: usize) {
        self.0.lock().unwrap().1 = Some(pages);
    }
}

async fn page(State(configurator): State<Configurator>, Query(query): Query<PageQuery>) -> Response {
    let after = query.check().unwrap();
    let (instances, away) = configurator.0.lock().unwrap().clone();
    let passed = instances.iter().filter(|instance| instance.instance_id.0 <= after.after).count();
    if away.is_some_and(|away| passed >= away) {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let rest = instances.into_iter().skip(passed).take(2).collect();
    Page::cut(rest, common::page::PageRequest { limit: 1, ..after }, |instance: &ActiveInstance| instance.instance_id.0)
        .into_response()
}

pub struct Stage {
    pub world: World,
    pub configurator: Configurator,
}

impl Stage {
    pub async fn set() -> Self {
        let (platform, configurator) = (TestPlatform::of::<billing::Billing>().await, Configurator::default());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut env = platform.env();
        env.insert("CONFIGURATOR_URL".into(), format!("http://{}", listener.local_addr().unwrap()));
        let router = Router::new().route("/internal/active-features", get(page)).with_state(configurator.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { world: World::of(platform, env).await, configurator }
    }

    async fn finished(&self) -> Option<DateTime<Utc>> {
        let finished = "SELECT finished_at FROM reconciliation";
        sqlx::query_scalar(finished).fetch_one(&self.world.platform.pool).await.unwrap()
    }

    /// Has all compared, as an operator.
    pub async fn compare(&self, ada: &Customer) {
        let asked = self.world.platform.ambient.now();
        self.world.server.post("/v1/reconciliations", &()).bearer(&ada.token).send().await.expect(202);
        eventually("all is compared", async || (self.finished().await > Some(asked)).then_some(())).await;
    }

    /// Compares now, and an hour later.
    pub async fn compare_twice(&self, ada: &Customer) {
        self.compare(ada).await;
        let hour = "UPDATE feature_discrepancy SET first_seen_at = first_seen_at - interval '1 hour'";
        sqlx::query(hour).execute(&self.world.platform.pool).await.unwrap();
        self.compare(ada).await;
    }

    /// Kind and state of each discrepancy.
    pub async fn found(&self, ada: &Customer) -> Vec<(String, String)> {
        let page = self.world.get(&ada.token, &format!("/v1/feature-discrepancies?tenant_id={}", ada.tenant)).await;
        let text = |item: &Value, field: &str| item[field].as_str().unwrap().to_owned();
        let items = page["items"].as_array().expect("items").iter();
        items.map(|item| (text(item, "kind"), text(item, "state"))).collect()
    }

    /// What the configurator says of the customer's forum: features by the second since when, and those that ended.
    pub fn forum(&self, ada: &Customer, features: &[(&str, i64)], ended: &[(&str, i64, i64)]) -> ActiveInstance {
        let at = |second: &i64| self.world.at(*second);
        let feature = |(name, since): &(&str, i64)| ActiveFeature { feature: (*name).into(), since: at(since) };
        let ended = ended.iter().map(|(name, since, until)| EndedFeature {
            feature: (*name).into(),
            since: at(since),
            until: at(until),
        });
        ActiveInstance {
            instance_id: ada.instance,
            tenant_id: ada.tenant,
            service: "forum".into(),
            version: "1.0.0".into(),
            host: "acme.forum.localhost".into(),
            generation: 1,
            features: features.iter().map(feature).collect(),
            ended: ended.collect(),
        }
    }
}

pub fn one(kind: &str, state: &str) -> Vec<(String, String)> {
    vec![(kind.into(), state.into())]
}

#[tokio::test]
async fn a_feature_whose_enabling_was_missed_is_in_use_after_all_and_usage_that_waited_counts() {
    let stage = Stage::set().await;
    let (world, ada) = (&stage.world, stage.world.customer().await);
    world.say(&world.posts(&ada, "posts:1", 3, 20)).await;
    world.parked(&ada, 1).await;
    let other = Customer { instance: InstanceId(world.platform.ambient.uuid()), ..world.customer().await };
    stage.configurator.says(vec![stage.forum(&ada, &[("forum", 10)], &[]), stage.forum(&other, &[("forum", 10)], &[])]);
    stage.compare(&ada).await;
    assert_eq!(stage.found(&ada).await, one("not_in_use_here", "suspected"), "its message may be under way");
    assert_eq!(world.count("SELECT count(*) FROM usage_interval").await, 0);
    stage.compare_twice(&ada).await;
    assert_eq!(stage.found(&ada).await, one("not_in_use_here", "healed"));
    assert_eq!(stage.found(&other).await, one("not_in_use_here", "healed"));
    world.features(&ada, &[("forum", 10, None)]).await;
    world.metered(&ada, "3").await;
    // The message comes at last.
    world.say(&world.enabled(&ada, "forum", 10)).await;
    world.drained("billing").await;
    stage.compare_twice(&ada).await;
    world.features(&ada, &[("forum", 10, None)]).await;
    assert_eq!(stage.found(&ada).await.len(), 1);
}

#[tokio::test]
async fn a_feature_whose_end_was_missed_ends_when_the_configurator_says() {
    let stage = Stage::set().await;
    let (world, ada) = (&stage.world, stage.world.customer_with_forum().await);
    world.say(&world.enabled(&ada, "forum.polls", 10)).await;
    world.features(&ada, &[("forum", 0, None), ("forum.polls", 10, None)]).await;
    let mut missed = stage.forum(&ada, &[("forum", 0)], &[]);
    stage.configurator.says(vec![missed.clone()]);
    stage.compare_twice(&ada).await;
    assert_eq!(stage.found(&ada).await, one("not_in_use_there", "open"), "nobody says when it ended");
    missed.ended = stage.forum(&ada, &[], &[("forum.polls", 10, 50)]).ended;
    stage.configurator.says(vec![missed]);
    stage.compare(&ada).await;
    assert_eq!(stage.found(&ada).await, one("not_in_use_there", "healed"));
    world.features(&ada, &[("forum", 0, None), ("forum.polls", 10, Some(50))]).await;
}

#[tokio::test]
async fn an_end_and_a_new_beginning_that_were_both_missed_are_made_up_for() {
    let stage = Stage::set().await;
    let (world, ada) = (&stage.world, stage.world.customer_with_forum().await);
    world.say(&world.enabled(&ada, "forum.polls", 10)).await;
    world.features(&ada, &[("forum", 0, None), ("forum.polls", 10, None)]).await;
    let features = [("forum", 0), ("forum.polls", 80)];
    stage.configurator.says(vec![stage.forum(&ada, &features, &[("forum.polls", 10, 50)])]);
    stage.compare_twice(&ada).await;
    assert_eq!(stage.found(&ada).await, one("since_differs", "healed"));
    world.features(&ada, &[("forum", 0, None), ("forum.polls", 10, Some(50)), ("forum.polls", 80, None)]).await;
}

#[tokio::test]
async fn an_end_that_was_missed_before_a_beginning_that_was_heard_is_made_up_for_and_so_is_a_whole_use() {
    let stage = Stage::set().await;
    let (world, ada) = (&stage.world, stage.world.customer_with_forum().await);
    for second in [10, 80] {
        world.say(&world.enabled(&ada, "forum.polls", second)).await;
    }
    world.features(&ada, &[("forum", 0, None), ("forum.polls", 10, Some(80)), ("forum.polls", 80, None)]).await;
    let past = [("forum.polls", 10, 50), ("forum.charts", 20, 30), ("forum.none", 5, 5)];
    stage.configurator.says(vec![stage.forum(&ada, &[("forum", 0), ("forum.polls", 80)], &past)]);
    stage.compare_twice(&ada).await;
    assert_eq!(stage.found(&ada).await, [one("past_differs", "healed"), one("past_differs", "healed")].concat());
    let whole = ("forum.charts", 20, Some(30));
    let polls = [("forum.polls", 10, Some(50)), ("forum.polls", 80, None)];
    world.features(&ada, &[("forum", 0, None), whole, polls[0], polls[1]]).await;
    stage.compare_twice(&ada).await;
    assert_eq!(stage.found(&ada).await.len(), 2);
}

#[tokio::test]
async fn what_is_not_clear_is_shown_and_never_changed_until_it_goes_by_itself() {
    let stage = Stage::set().await;
    let (world, ada) = (&stage.world, stage.world.customer_with_forum().await);
    stage.configurator.says(Vec::new());
    stage.compare_twice(&ada).await;
    assert_eq!(stage.found(&ada).await, one("instance_not_there", "open"));
    stage.configurator.says(vec![stage.forum(&ada, &[("forum", 5)], &[])]);
    stage.compare_twice(&ada).await;
    assert_eq!(stage.found(&ada).await, one("since_differs", "open"), "nobody says that it had ended before");
    world.features(&ada, &[("forum", 0, None)]).await;
    stage.configurator.says(vec![stage.forum(&ada, &[("forum", 0)], &[])]);
    stage.compare(&ada).await;
    assert_eq!(stage.found(&ada).await, one("since_differs", "resolved"));
    let open = world.get(&ada.token, "/v1/feature-discrepancies?state=open").await;
    assert_eq!(open["items"], serde_json::json!([]));
}

#[tokio::test]
async fn an_answer_from_before_a_message_takes_nothing_back() {
    let stage = Stage::set().await;
    let (world, ada) = (&stage.world, stage.world.customer_with_forum().await);
    world.say(&world.enabled(&ada, "forum.polls", 10)).await;
    world.say(&world.disabled(&ada, "forum.polls", 60)).await;
    let now = [("forum", 0, None), ("forum.polls", 10, Some(60))];
    world.features(&ada, &now).await;
    stage.configurator.says(vec![stage.forum(&ada, &[("forum", 0), ("forum.polls", 10)], &[])]);
    stage.compare_twice(&ada).await;
    assert_eq!(stage.found(&ada).await, one("not_in_use_here", "open"));
    world.features(&ada, &now).await;
    // What was only a message under way leaves no trace.
    stage.configurator.says(vec![stage.forum(&ada, &[("forum", 0), ("forum.charts", 90)], &[])]);
    stage.compare(&ada).await;
    world.say(&world.enabled(&ada, "forum.charts", 90)).await;
    world.features(&ada, &[("forum", 0, None), ("forum.charts", 90, None), now[1]]).await;
    stage.compare(&ada).await;
    assert_eq!(stage.found(&ada).await, one("not_in_use_here", "resolved"));
}

#[tokio::test]
async fn while_the_configurator_is_away_nothing_changes() {
    let stage = Stage::set().await;
    let (ada, eve) = (stage.world.customer_with_forum().await, stage.world.customer_with_forum().await);
    let there = || vec![stage.forum(&ada, &[("forum", 0)], &[]), stage.forum(&eve, &[("forum", 0)], &[])];
    stage.configurator.says(there());
    stage.compare(&ada).await;
    for pages in [0, 1] {
        let (finished, metrics) = (stage.finished().await, common::telemetry::metrics());
        stage.configurator.is_away_after(pages);
        let due = "SELECT count(*) FROM reconciliation WHERE due_at < now() + interval '2 minutes'
                   AND due_at > now() + interval '10 seconds'";
        stage.world.server.post("/v1/reconciliations", &()).bearer(&ada.token).send().await.expect(202);
        stage.world.counted(due, 1).await;
        assert_eq!(stage.finished().await, finished, "it is tried again soon");
        let told = async || metrics.render().contains("feature_reconciliation_age_seconds").then_some(());
        eventually("the age of the last comparison is told", told).await;
    }
    assert_eq!((stage.found(&ada).await, stage.found(&eve).await), (Vec::new(), Vec::new()));
    stage.configurator.says(there());
    stage.compare(&ada).await;
    assert_eq!(stage.world.count("SELECT count(*) FROM feature_discrepancy").await, 0);
}

#[tokio::test]
async fn a_feature_that_cannot_be_made_up_for_holds_up_no_other() {
    let stage = Stage::set().await;
    let world = &stage.world;
    let mut customers = [world.customer().await, world.customer().await];
    customers.sort_by_key(|customer| customer.instance);
    let [broken, sound] = &customers;
    let refuse = "CREATE FUNCTION refuse_one() RETURNS trigger LANGUAGE plpgsql AS $$
                  BEGIN RAISE EXCEPTION 'not this one'; END $$";
    let pool = &world.platform.pool;
    sqlx::query(refuse).execute(pool).await.unwrap();
    let trigger = format!(
        "CREATE TRIGGER refuse_one BEFORE INSERT ON usage_interval FOR EACH ROW WHEN (NEW.instance_id = '{}') \
         EXECUTE FUNCTION refuse_one()",
        broken.instance
    );
    sqlx::query(sqlx::AssertSqlSafe(trigger)).execute(pool).await.unwrap();
    let forums = || customers.iter().map(|ada| stage.forum(ada, &[("forum", 10)], &[])).collect();
    stage.configurator.says(forums());
    stage.compare_twice(sound).await;
    assert_eq!(stage.found(sound).await, one("not_in_use_here", "healed"));
    assert_eq!(stage.found(broken).await, one("not_in_use_here", "open"));
    sqlx::query("DROP TRIGGER refuse_one ON usage_interval").execute(pool).await.unwrap();
    stage.compare(sound).await;
    assert_eq!(stage.found(broken).await, one("not_in_use_here", "healed"));
}
