//! Tests of intervals: the changes of a feature make the same ones in whatever order they arrive.

use billing::usage::store;
use chrono::{DateTime, Utc};
use common::db::TenantTx;
use contracts::{
    id::{InstanceId, TenantId},
    messages::{FeatureDisabled, FeatureEnabled},
};
use test_support::{TestPlatform, background};

#[derive(Clone, Copy, Debug)]
enum Change {
    Enabled(i64),
    Disabled(i64),
}
use Change::*;

struct Stage<'a> {
    platform: &'a TestPlatform,
    tenant: TenantId,
    instance: InstanceId,
}

fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + second, 0).unwrap()
}

impl Stage<'_> {
    async fn begin(&self) -> TenantTx {
        background().begin(&self.platform.db(), self.tenant).await.unwrap()
    }

    async fn apply(&self, tx: &mut TenantTx, change: Change) {
        let (instance_id, service, feature) = (self.instance, "forum".to_owned(), "forum.polls".to_owned());
        match change {
            Enabled(second) => {
                let change = FeatureEnabled {
                    instance_id,
                    service,
                    feature,
                    host: "acme.test".into(),
                    effective_at: at(second),
                    version: None,
                    generation: None,
                };
                store::begin(tx, &self.platform.ambient, &change).await.unwrap();
            }
            Disabled(second) => {
                let change = FeatureDisabled {
                    instance_id,
                    service,
                    feature,
                    effective_at: at(second),
                    version: None,
                    generation: None,
                };
                store::end(tx, &change).await.unwrap();
            }
        }
    }
}

fn permutations(changes: &[Change]) -> Vec<Vec<Change>> {
    if changes.is_empty() {
        return vec![Vec::new()];
    }
    let all = (0..changes.len()).flat_map(|index| {
        let mut rest = changes.to_vec();
        let first = rest.remove(index);
        permutations(&rest).into_iter().map(move |tail| [vec![first], tail].concat())
    });
    all.collect()
}

#[tokio::test]
async fn every_order_of_changes_makes_the_same_intervals() {
    let platform = TestPlatform::of::<billing::Billing>().await;
    let stage = Stage { platform: &platform, tenant: platform.tenant(), instance: InstanceId(platform.ambient.uuid()) };
    // The third begins at the very moment at which the second ends.
    for order in permutations(&[Enabled(10), Disabled(20), Enabled(30), Disabled(40), Enabled(40)]) {
        let mut tx = stage.begin().await;
        for change in order.iter().chain(&order) {
            stage.apply(&mut tx, *change).await;
        }
        let spans: Vec<(DateTime<Utc>, Option<DateTime<Utc>>)> =
            sqlx::query_as("SELECT begin_at, end_at FROM usage_interval ORDER BY begin_at")
                .fetch_all(&mut *tx)
                .await
                .unwrap();
        assert_eq!(spans, [(at(10), Some(at(20))), (at(30), Some(at(40))), (at(40), None)], "{order:?}");
        tx.rollback().await.unwrap();
    }
}

#[tokio::test]
async fn the_database_refuses_an_overlap() {
    let platform = TestPlatform::of::<billing::Billing>().await;
    let stage = Stage { platform: &platform, tenant: platform.tenant(), instance: InstanceId(platform.ambient.uuid()) };
    let mut tx = stage.begin().await;
    stage.apply(&mut tx, Enabled(10)).await;
    stage.apply(&mut tx, Disabled(20)).await;
    tx.commit().await.unwrap();
    let insert = "INSERT INTO usage_interval
                  SELECT $1, tenant_id, instance_id, service, feature, host, $2, NULL, $2, version FROM usage_interval";
    let overlapping =
        sqlx::query(insert).bind(platform.ambient.uuid()).bind(at(19)).execute(&platform.pool).await.unwrap_err();
    assert_eq!(common::problem::constraint(&overlapping), Some("usage_interval_no_overlap"));
    sqlx::query(insert)
        .bind(platform.ambient.uuid())
        .bind(at(20))
        .execute(&platform.pool)
        .await
        .expect("the end is not part of the interval");
}
