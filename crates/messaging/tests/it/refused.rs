//! Bad input: each message is parked with its reason, and what is behind it flows on.

use crate::world::{Recorder, World, until};
use common::ambient::Ambient;
use contracts::{id::TenantId, messages::MemberJoined};
use messaging::{Delivery, Fault, Handle};
use serde_json::{Value, json};
use test_support::eventually;

/// Reaches the rows of the message's tenant, and those alone.
struct OfATenant;

impl Handle<MemberJoined> for OfATenant {
    type Tx = common::db::TenantTx;

    async fn handle(&self, tx: &mut common::db::TenantTx, message: &Delivery<MemberJoined>) -> Result<(), Fault> {
        if message.data.tenant_id != tx.tenant() {
            return Err(Fault::permanent("it is about another tenant than it says"));
        }
        sqlx::query("INSERT INTO effects VALUES ($1)").bind(message.id.0).execute(&mut **tx).await?;
        Ok(())
    }
}

const RANDOM: &str = "a5a5a5a5-a5a5-45a5-85a5-a5a5a5a5a5a5";

/// A sound message of a tenant, to be spoilt.
fn sound(world: &World) -> Value {
    let fact = world.fact();
    json!(world.envelope(Some(fact.tenant_id), &fact))
}

#[tokio::test]
async fn what_cannot_be_taken_is_parked_with_its_reason() {
    let world = World::start().await;
    let spoilt = |spoil: &dyn Fn(&mut Value)| {
        let mut message = sound(&world);
        spoil(&mut message);
        message.to_string()
    };
    let stranger = TenantId(Ambient::system().uuid());
    let cases = [
        ("{ not json".to_owned(), "the body is not an envelope: "),
        ("[]".to_owned(), "the body is not an envelope: "),
        (spoilt(&|m| m["type"] = json!("auth.member.joined.v9")), "no handler takes the type 'auth.member.joined.v9'"),
        (spoilt(&|m| m["type"] = json!("'; DROP TABLE inbox")), "no handler takes the type"),
        (spoilt(&|m| m["data"] = json!({})), "the data of auth.member.joined.v1 do not fit its schema: /tenant_id"),
        (spoilt(&|m| m["data"]["user_id"] = json!("a\0b")), "the data of auth.member.joined.v1 do not fit"),
        // As long as SQS takes it, and of an id that has no time.
        (
            spoilt(&|m| (m["subject"], m["id"]) = (json!("x".repeat(1_040_000)), json!(RANDOM))),
            "its id is no UUID of version 7 or 8",
        ),
        (spoilt(&|m| m["tenant"] = json!(stranger)), "it is about another tenant than it says"),
        (spoilt(&|m| drop(m.as_object_mut().unwrap().remove("tenant"))), "the message names no tenant"),
        (spoilt(&|m| m["tenant"] = json!("x' OR true")), "the body is not an envelope: "),
    ];
    for (body, _) in &cases {
        world.enqueue(body).await;
    }
    let behind = sound(&world);
    world.enqueue(&behind.to_string()).await;
    world.consume(OfATenant);
    until("what is behind takes effect", async || json!(world.effects().await) == json!([behind["id"]])).await;
    until("all are parked", async || world.dead().await == cases.len()).await;
    world.until_drained().await;
    let letters = eventually("all are seen", async || {
        let letters = world.aws.console().dead_letters(crate::world::QUEUE).await.unwrap().letters;
        (letters.len() == cases.len()).then_some(letters)
    })
    .await;
    for (body, reason) in &cases {
        let letter = letters.iter().find(|letter| letter.body == *body).expect("nothing is lost");
        let said = letter.reason.as_deref().unwrap();
        assert!(said.starts_with(reason), "{said}");
        assert_eq!(letter.fingerprint.len(), 12);
    }
    assert_eq!(json!(world.effects().await), json!([behind["id"]]));
}

#[tokio::test]
async fn dead_letters_of_one_cause_have_one_fingerprint() {
    let world = World::start().await;
    for _ in 0..3 {
        world.enqueue(&sound(&world).to_string()).await;
    }
    world.consume(Recorder::then(|attempt| Err(Fault::permanent(format!("no shelf {attempt} for 'it'")))));
    until("all are parked", async || world.dead().await == 3).await;
    let letters = world.aws.console().dead_letters(crate::world::QUEUE).await.unwrap().letters;
    assert!(letters.iter().all(|letter| letter.fingerprint == letters[0].fingerprint), "{letters:?}");
    assert!(letters.iter().all(|letter| letter.kind.as_deref() == Some("auth.member.joined.v1")), "{letters:?}");
}
