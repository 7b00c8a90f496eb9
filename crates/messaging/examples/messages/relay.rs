//! The relay against SNS that takes everything at once.

use crate::{
    canned, row,
    world::{self, ROUNDS},
};
use anyhow::Result;
use common::db::Db;
use messaging::Relay;
use serde_json::json;
use tokio_util::sync::CancellationToken;

const MESSAGES: usize = 20_000;
const FILL: &str = "
    INSERT INTO outbox (id, topic, envelope, created_at)
    SELECT gen_random_uuid(), 'auth-events', $1, now() FROM generate_series(1, $2)";
const LEFT: &str = "SELECT EXISTS (SELECT FROM outbox)";

/// What SNS answers to a batch of as many as the request has.
fn taken(request: &[u8]) -> String {
    let entries = request.windows(4).filter(|window| window == b".Id=").count();
    let taken: String =
        (0..entries).map(|id| format!("<member><Id>{id}</Id><MessageId>m</MessageId></member>")).collect();
    format!(
        "<PublishBatchResponse><PublishBatchResult><Successful>{taken}</Successful><Failed/></PublishBatchResult>\
         </PublishBatchResponse>"
    )
}

pub async fn measure(db: &Db) -> Result<()> {
    let aws = canned::aws(|_, request| taken(request)).await;
    let mut rates = [0.0; ROUNDS];
    for rate in &mut rates {
        world::clear(db).await?;
        let envelope = json!(world::envelope(db.ambient()));
        sqlx::query(FILL).bind(envelope).bind(MESSAGES as i32).execute(db.pool()).await?;
        let stop = CancellationToken::new();
        let relay = tokio::spawn(Relay::new(db.clone(), aws.publisher()).run(stop.clone()));
        let empty = async || Ok(!sqlx::query_scalar::<_, bool>(LEFT).fetch_one(db.pool()).await?);
        *rate = world::rate(MESSAGES, empty).await?;
        stop.cancel();
        relay.await?;
    }
    row("relay, null publisher", world::median(rates), "–", "≥ 5,000");
    Ok(())
}
