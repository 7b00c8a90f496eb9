//! Recovery codes: each works once, and new ones end the old ones.

use crate::{
    authenticator::{Enrolled, complete, me, password, send},
    support::{World, text, variable},
};
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeSet;

fn proof(code: &str) -> Value {
    json!({"method": "recovery_code", "code": code})
}

#[tokio::test]
async fn a_code_works_once_however_it_is_written_and_its_owner_is_told() {
    let (world, ada) = Enrolled::ada().await;
    let codes: BTreeSet<_> = ada.recovery_codes.iter().collect();
    assert_eq!(codes.len(), 10);
    let code = ada.recovery_codes[3].to_lowercase().replace('-', " ");
    let session = complete(&world, &ada.challenge(&world).await, proof(&code)).await.expect(201);
    let claims = world.verifier().verify(text(&session, "access_token")).await.unwrap();
    assert_eq!((claims.amr.join(" "), claims.acr.as_deref()), ("mfa otp pwd".to_owned(), Some("aal2")));
    let again = complete(&world, &ada.challenge(&world).await, proof(&ada.recovery_codes[3])).await;
    again.problem(401, "second_factor_wrong");
    let listed = send(&world, &session, Method::GET, "").await.expect(200);
    assert_eq!(listed["recovery_codes_left"], json!(9));
    let mails = world.mails("second-factor-changed", &ada.account.email).await;
    assert_eq!(variable(mails.last().unwrap(), "change"), json!("recovery_code_used"));
    assert_eq!(mails.len(), 2, "a wrong one tells nobody anything");
}

#[tokio::test]
async fn of_two_log_ins_with_one_code_one_succeeds() {
    let (world, ada) = Enrolled::ada().await;
    let (a, b) = (ada.challenge(&world).await, ada.challenge(&world).await);
    let (a, b) = tokio::join!(
        complete(&world, &a, proof(&ada.recovery_codes[0])),
        complete(&world, &b, proof(&ada.recovery_codes[0]))
    );
    let mut answers = [a.status, b.status];
    answers.sort_unstable();
    assert_eq!(answers, [201, 401]);
    assert_eq!(world.count("recovery_codes").await, 9);
}

#[tokio::test]
async fn new_codes_end_the_old_ones() {
    let (world, ada) = Enrolled::ada().await;
    let other = ada.log_in(&world).await;
    let made = send(&world, &ada.session, Method::POST, "/recovery-codes").await;
    assert_eq!(made.header("cache-control"), Some("no-store"));
    let made = made.expect(200);
    me(&world, &other).await.problem(401, "session_ended");
    let old = complete(&world, &ada.challenge(&world).await, proof(&ada.recovery_codes[0])).await;
    old.problem(401, "second_factor_wrong");
    let new = made["recovery_codes"][9].as_str().unwrap();
    complete(&world, &ada.challenge(&world).await, proof(new)).await.expect(201);
}

#[tokio::test]
async fn without_a_factor_there_is_nothing_to_recover() {
    let (world, ada) = World::with_ada().await;
    let session = world.log_in(&ada).await;
    send(&world, &session, Method::POST, "/recovery-codes").await.problem(409, "no_second_factor");
    password(&world, &ada.email).await.expect(201);
}
