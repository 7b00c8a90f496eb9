//! Orders of a product: a job is ordered with the product's own commit, or not at all, and what it gives comes back.

use crate::{commands::list, world::World};
use axum::{Json, extract::State, http::StatusCode, routing::post};
use chrono::TimeDelta;
use common::{
    ambient::Ambient,
    config::Env,
    problem::{FieldError, Problem},
};
use contracts::id::JobId;
use include_dir::Dir;
use product_kit::{Instance, Order, Product, product};
use serde::Deserialize;
use serde_json::{Value, json};
use test_support::{TestAnswer, TestServer, eventually};
use utoipa_axum::router::OpenApiRouter;
use uuid::Uuid;

/// Of the instance.
pub const HOST: &str = "acme.forum.localhost";

/// A product with one endpoint, which writes rows and orders a job for each.
struct Forum;

impl Product for Forum {
    const NAME: &'static str = "forum";
    const ABOUT: &'static str = "Orders jobs";
    const TITLE: &'static str = "Forum";
    const PORT: u16 = 0;
    const DOCS: &'static Dir<'static> = &Dir::new("", &[]);
    type App = Ambient;

    fn app(ambient: Ambient, _: access::Access) -> Ambient {
        ambient
    }

    fn routes() -> OpenApiRouter<Ambient> {
        OpenApiRouter::new().route("/orders", post(order))
    }
}

#[derive(Deserialize)]
struct Wanted {
    command: String,
    keys: Vec<String>,
    #[serde(default)]
    fails: bool,
    #[serde(default)]
    later: bool,
}

async fn order(
    State(ambient): State<Ambient>,
    instance: Instance,
    Json(wanted): Json<Wanted>,
) -> Result<(StatusCode, Json<Vec<Uuid>>), Problem> {
    let run_after = wanted.later.then(|| ambient.now() + TimeDelta::hours(1));
    let of = |key| Order { run_after, ..Order::new(JobId(ambient.uuid()), &wanted.command, key) };
    let orders: Vec<_> = wanted.keys.iter().map(of).collect();
    let ids: Vec<_> = orders.iter().map(|order| order.job_id.0).collect();
    let mut tx = instance.database.begin().await?;
    sqlx::query("INSERT INTO wanted (job_id) SELECT * FROM unnest($1::uuid[])").bind(&ids).execute(&mut *tx).await?;
    instance.order(&mut tx, &orders).await?;
    if wanted.fails {
        return Err(Problem::invalid(vec![FieldError::new("fails", "wanted", "is what was asked for")]));
    }
    tx.commit().await?;
    Ok((StatusCode::ACCEPTED, Json(ids)))
}

/// The product, whose instance has its tables.
async fn serve(world: &World) -> TestServer {
    world.bundles.write(
        "migrations/0003_wanted.sql",
        "CREATE TABLE wanted (job_id uuid PRIMARY KEY, given jsonb);
         CREATE FUNCTION take(job uuid, given jsonb) RETURNS void LANGUAGE sql AS
         'UPDATE wanted SET given = take.given WHERE job_id = job';",
    );
    assert_eq!(world.run(&world.migrate()).await.state, "succeeded");
    world.configurator.host(HOST, &world.instance, world.tenant);
    let env = Env::new(world.env());
    let platform = &world.platform;
    platform.serve(|lifecycle, bound, ambient| product::start::<Forum>(env, bound, ambient, lifecycle)).await
}

async fn wanted(product: &TestServer, wanted: Value) -> TestAnswer {
    product.post("/orders", &wanted).header("host", HOST).send().await
}

#[tokio::test]
async fn what_a_product_orders_with_its_commit_is_run_once_and_comes_back() {
    let (world, _worker) = World::with_worker().await;
    list(&world, &[("count", "echo '{\"pages\": 3}'")]);
    let product = serve(&world).await;
    let never = json!({"command": "count", "keys": ["never"], "fails": true});
    wanted(&product, never).await.invalid(&["fails"]);
    let ids = wanted(&product, json!({"command": "count", "keys": ["a", "b"]})).await.expect(202);
    let came_back = "SELECT count(*) FROM wanted WHERE given = '{\"pages\": 3}'";
    eventually("both come back", async || (world.instance.number(came_back).await == 2).then_some(())).await;
    assert_eq!(world.instance.number("SELECT count(*) FROM platform.orders").await, 0, "both were taken");

    let jobs: Vec<(Uuid, Uuid, Uuid, String, Value)> = sqlx::query_as(
        "SELECT id, tenant_id, instance_id, unique_key, payload FROM jobs WHERE kind = 'bundle.command' ORDER BY unique_key",
    )
    .fetch_all(&world.platform.pool)
    .await
    .unwrap();
    assert_eq!(json!(jobs.iter().map(|job| job.0).collect::<Vec<_>>()), ids, "nothing else is ordered");
    for ((_, tenant, instance, key, payload), expected) in jobs.iter().zip(["a", "b"]) {
        assert_eq!((*tenant, *instance), (world.tenant.0, world.instance.id.0));
        assert_eq!(*key, format!("{}:count:{expected}", world.instance.id));
        assert_eq!((&payload["service"], &payload["bundle_version"]), (&json!("forum"), &json!("1.0.0")));
    }
}

#[tokio::test]
async fn a_thousand_orders_of_a_call_are_all_accepted_and_more_are_none() {
    let (world, _worker) = World::with_worker().await;
    let product = serve(&world).await;
    let keys: Vec<_> = (0..1_001).map(|number| number.to_string()).collect();
    let orders = |keys: &[String]| json!({"command": "count", "keys": keys, "later": true});
    wanted(&product, orders(&keys)).await.problem(500, "internal");
    wanted(&product, orders(&keys[1..])).await.expect(202);
    eventually("all are jobs", async || {
        let jobs: i64 = sqlx::query_scalar("SELECT count(*) FROM jobs WHERE kind = 'bundle.command'")
            .fetch_one(&world.platform.pool)
            .await
            .unwrap();
        (jobs == 1_000).then_some(())
    })
    .await;
    eventually("none is left", async || {
        (world.instance.number("SELECT count(*) FROM platform.orders").await == 0).then_some(())
    })
    .await;
}
