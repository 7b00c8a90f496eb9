//! Signing keys that change while others rely on them, and the change of the key that encrypts them.

use crate::support::{World, config, environment, path_in, text};
use auth::keys::{
    Rotation,
    resealing::{self, Outcome},
    rotation::KeyError,
    store::{State, StoredKey},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::TimeDelta;
use common::{ambient::Ambient, sealing::Sealer};
use jsonwebtoken::decode_header;
use serde_json::json;
use test_support::{TestServer, eventually};

/// What tests of auth encrypt with.
const KEY: [u8; 32] = *b"01234567890123456789012345678901";
const NEW_KEY: [u8; 32] = [7; 32];

fn rotation(world: &World, sealer: Sealer, ambient: &Ambient) -> Rotation {
    Rotation { db: world.platform.db(), sealer, ambient: ambient.clone() }
}

/// auth, when it has made its keys.
async fn start() -> World {
    let world = World::start().await;
    published(&world.server).await;
    world
}

/// As commands do it, and processes by themselves.
fn by(world: &World) -> Rotation {
    rotation(world, Sealer::new(&KEY), &world.clock)
}

/// Lets keys in that state be there for so much longer.
async fn age(world: &World, state: &str, by: &str) {
    let sql = "UPDATE signing_keys SET since = coalesce(since, created_at) - $2::interval WHERE state = $1";
    let aged = sqlx::query(sql).bind(state).bind(by).execute(&world.platform.pool).await.unwrap();
    assert_eq!(aged.rows_affected(), 1, "{state}");
}

fn of(keys: &[StoredKey], state: State) -> &StoredKey {
    let found: Vec<_> = keys.iter().filter(|key| key.state == state).collect();
    assert_eq!(found.len(), 1, "{state:?}");
    found[0]
}

fn kid(token: &str) -> String {
    decode_header(token).unwrap().kid.unwrap()
}

async fn published(server: &TestServer) -> Vec<String> {
    let jwks = server.get("/.well-known/jwks.json").await.expect(200);
    jwks["keys"].as_array().unwrap().iter().map(|key| text(key, "kid").to_owned()).collect()
}

/// A token, once the process has noticed which key signs.
async fn signed_by(world: &World, kid_wanted: &str) -> String {
    eventually("the process notices the key that signs", async || {
        Some(world.worker_token().await).filter(|token| kid(token) == kid_wanted)
    })
    .await
}

#[tokio::test]
async fn many_processes_whose_clocks_differ_rotate_once() {
    let world = start().await;
    let before = by(&world).read().await.unwrap();
    let (old, next) = (of(&before, State::Current).kid.clone(), of(&before, State::Next).kid.clone());
    assert_eq!(published(&world.server).await, [old.clone(), next.clone()]);
    let processes: Vec<_> = (0..8)
        .map(|minutes| {
            let clock = Ambient::test(world.clock.now() + TimeDelta::days(30) + TimeDelta::minutes(minutes));
            rotation(&world, Sealer::new(&KEY), &clock)
        })
        .collect();
    for outcome in futures_util::future::join_all(processes.iter().map(Rotation::tend)).await {
        outcome.unwrap();
    }
    let after = by(&world).read().await.unwrap();
    assert_eq!((after.len(), &of(&after, State::Current).kid, &of(&after, State::Previous).kid), (3, &next, &old));
    assert!(of(&after, State::Previous).sealed_private_key.is_empty(), "nobody can sign with it again");
    let newest = of(&after, State::Next).kid.clone();
    assert_eq!(published(&world.server).await, [next, newest, old], "at once");
}

#[tokio::test]
async fn processes_rotate_by_themselves_and_notice_what_others_do() {
    let world = start().await;
    let second = world.platform.run::<auth::Auth>(environment(&world.platform)).await;
    let first = published(&world.server).await;
    age(&world, "current", "31 days").await;
    age(&world, "next", "31 days").await;
    signed_by(&world, &first[1]).await;
    for server in [&world.server, &second] {
        let keys = published(server).await;
        assert_eq!((keys.len(), &keys[0], &keys[2]), (3, &first[1], &first[0]));
    }
    let told = async || world.server.ops("/metrics").await.text.contains("signing_key_age_seconds").then_some(());
    eventually("the age is told", told).await;
}

#[tokio::test]
async fn a_key_of_a_version_that_did_not_rotate_signs_until_the_next_is_known() {
    let world = start().await;
    sqlx::raw_sql(
        "DELETE FROM signing_keys WHERE state = 'next';
         UPDATE signing_keys SET since = NULL, created_at = created_at - interval '400 days'",
    )
    .execute(&world.platform.pool)
    .await
    .unwrap();
    let keys = by(&world).tend().await.unwrap();
    let (old, next) = (of(&keys, State::Current).kid.clone(), of(&keys, State::Next).kid.clone());
    assert_eq!(by(&world).tend().await.unwrap().len(), 2, "it is overdue, and yet nobody knows the next");
    age(&world, "next", "25 hours").await;
    let keys = by(&world).tend().await.unwrap();
    assert_eq!((&of(&keys, State::Current).kid, &of(&keys, State::Previous).kid), (&next, &old));
}

#[tokio::test]
async fn tokens_of_the_previous_key_are_taken_until_the_key_is_gone() {
    let (world, ada) = World::with_ada().await;
    let old = world.token(&ada).await;
    let me = async |token: &str| world.server.get("/v1/me").bearer(token).await;
    me(&old).await.expect(200);
    age(&world, "next", "25 hours").await;
    let keys = by(&world).rotate().await.unwrap();
    let new = signed_by(&world, &of(&keys, State::Current).kid).await;
    assert_eq!(kid(&old), of(&keys, State::Previous).kid);
    me(&old).await.expect(200);
    let others = world.verifier();
    for token in [&old, &new, &world.token(&ada).await] {
        others.verify(token).await.unwrap();
    }

    age(&world, "previous", "25 hours").await;
    assert_eq!(by(&world).tend().await.unwrap().len(), 3, "a process that could not read the keys may have used it");
    age(&world, "previous", "71 minutes").await;
    assert_eq!(by(&world).tend().await.unwrap().len(), 2);
    let others = world.verifier();
    assert_eq!(others.verify(&old).await.unwrap_err().code, "token_invalid");
    others.verify(&new).await.unwrap();
}

#[tokio::test]
async fn a_rotation_by_order_waits_for_the_day_and_says_until_when() {
    let world = World::start().await;
    let before = published(&world.server).await;
    let Err(refusal) = by(&world).rotate().await else { panic!("nobody knows the next key yet") };
    assert!(matches!(refusal, KeyError::NotYet(at) if at > world.clock.now() + TimeDelta::hours(23)));
    assert!(refusal.to_string().contains("auth replace-signing-key"), "{refusal}");
    assert_eq!(published(&world.server).await, before);
}

#[tokio::test]
async fn in_an_emergency_a_new_key_signs_at_once_and_a_revoked_one_is_refused() {
    let world = start().await;
    let (old, others) = (world.worker_token().await, world.verifier());
    others.verify(&old).await.unwrap();
    let before = published(&world.server).await;

    let keys = by(&world).replace().await.unwrap();
    let replaced = &of(&keys, State::Current).kid;
    assert!(!before.contains(replaced) && of(&keys, State::Next).kid != before[1]);
    let new = signed_by(&world, replaced).await;
    others.verify(&new).await.unwrap();
    others.verify(&old).await.unwrap();

    by(&world).revoke(&kid(&old)).await.unwrap();
    assert!(!published(&world.server).await.contains(&kid(&old)), "at once");
    assert_eq!(world.verifier().verify(&old).await.unwrap_err().code, "token_invalid");

    let keys = by(&world).revoke("all").await.unwrap();
    assert!(keys.len() == 2 && keys.iter().all(|key| key.kid != *replaced));
    let newest = signed_by(&world, &of(&keys, State::Current).kid).await;
    // Verifiers ask for an unknown key at most every few seconds. That they ask within a minute is tested in `access`.
    eventually("others know the new key", async || others.verify(&newest).await.ok()).await;
    for token in [&old, &new] {
        assert_eq!(others.verify(token).await.unwrap_err().code, "token_invalid");
    }
}

#[tokio::test]
async fn whichever_key_is_revoked_there_is_one_that_signs_and_one_that_will() {
    let world = start().await;
    let rotation = by(&world);
    assert!(matches!(rotation.revoke("unknown").await, Err(KeyError::NoSuchKey(_))));
    let keys = rotation.read().await.unwrap();
    let (current, next) = (of(&keys, State::Current), of(&keys, State::Next));
    let keys = rotation.revoke(&next.kid).await.unwrap();
    assert_eq!((keys.len(), &of(&keys, State::Current).kid), (2, &current.kid));
    assert_ne!(of(&keys, State::Next).kid, next.kid);
    let keys = rotation.revoke(&current.kid).await.unwrap();
    assert!(keys.len() == 2 && of(&keys, State::Current).kid != current.kid);
}

#[tokio::test]
async fn without_the_database_keys_are_shown_and_tokens_signed() {
    let (world, link) = World::behind_a_link("DATABASE_URL").await;
    let before = published(&world.server).await;
    link.cut();
    assert_eq!(published(&world.server).await, before);
    assert_eq!(kid(&world.worker_token().await), before[0]);
    link.mend();
    let keys = by(&world).replace().await.unwrap();
    signed_by(&world, &of(&keys, State::Current).kid).await;
}

/// auth with other keys that encrypt: whether it starts.
async fn starts(world: &World, newest: [u8; 32], previous: &[[u8; 32]]) -> anyhow::Result<TestServer> {
    let mut variables = environment(&world.platform);
    let previous: Vec<_> = previous.iter().map(|key| STANDARD.encode(key)).collect();
    variables.extend([
        ("KEY_ENCRYPTION_KEY".to_owned(), STANDARD.encode(newest)),
        ("KEY_ENCRYPTION_KEYS_PREVIOUS".to_owned(), previous.join(",")),
    ]);
    service_kit::app::<auth::Auth>(config(variables.clone()), Ambient::system()).await?;
    Ok(world.platform.run::<auth::Auth>(variables).await)
}

#[tokio::test]
async fn the_key_that_encrypts_is_changed_also_if_that_is_interrupted() {
    let world = start().await;
    let both = rotation(&world, Sealer::with_previous(&NEW_KEY, &[KEY]), &world.clock);
    let keys = both.read().await.unwrap();
    // One row is done, and then the process dies.
    let done = of(&keys, State::Current);
    let resealed = both.sealer.reseal(&both.ambient, done.kid.as_bytes(), &done.sealed_private_key).unwrap().unwrap();
    let update = sqlx::query("UPDATE signing_keys SET sealed_private_key = $2 WHERE kid = $1");
    update.bind(&done.kid).bind(&resealed).execute(&world.platform.pool).await.unwrap();
    for (newest, previous) in [(NEW_KEY, vec![]), (KEY, vec![])] {
        let Err(fault) = starts(&world, newest, &previous).await else { panic!("one key is under the other") };
        assert!(fault.to_string().contains("KEY_ENCRYPTION_KEYS_PREVIOUS"), "{fault}");
    }
    let server = starts(&world, NEW_KEY, &[KEY]).await.unwrap();
    assert_eq!(published(&server).await, published(&world.server).await);
    assert_eq!(resealing::look(&both).await.unwrap(), Outcome { under_newest: 1, resealed: 1, unopened: 0 });

    let (a, b) = tokio::join!(resealing::reseal(&both), resealing::reseal(&both));
    assert_eq!((a.unwrap().unopened, b.unwrap().unopened), (0, 0));
    assert_eq!(resealing::look(&both).await.unwrap(), Outcome { under_newest: 2, resealed: 0, unopened: 0 });
    starts(&world, NEW_KEY, &[]).await.unwrap();
}

#[tokio::test]
async fn a_process_without_the_newest_encryption_key_signs_with_what_it_has_read() {
    let world = start().await;
    let old = kid(&world.worker_token().await);
    let other = rotation(&world, Sealer::with_previous(&NEW_KEY, &[KEY]), &world.clock);
    let keys = other.replace().await.unwrap();
    assert_eq!(published(&world.server).await[0], of(&keys, State::Current).kid, "it shows what it cannot open");
    assert_eq!(kid(&world.worker_token().await), old);
    let wrong = rotation(&world, Sealer::new(&[9; 32]), &world.clock);
    assert_eq!(resealing::reseal(&wrong).await.unwrap(), Outcome { under_newest: 0, resealed: 0, unopened: 2 });
}

/// Who refuses invitations does so by a link that was sealed, perhaps long ago.
#[tokio::test]
async fn a_link_in_an_older_mail_works_under_a_previous_key() {
    let world = start().await;
    let (_, token) = world.signed_in("eve@acme.test", "Eve", &["auth.inviteMembers"]).await;
    world.server.post("/v1/invitations", &json!({"email": "bob@acme.test"})).bearer(&token).await.expect(202);
    let mail = world.mails("invitation", "bob@acme.test").await.pop().unwrap();
    let changed = starts(&world, NEW_KEY, &[KEY]).await.unwrap();
    let page = changed.get(&path_in(&mail, "refuse_link")).await;
    assert!(page.status == 200 && page.text.contains("Eve"), "{}", page.text);
}
