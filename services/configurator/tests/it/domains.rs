//! Hosts: whose are given to whom?

use crate::{
    support::{Fixture, id, start, start_with},
    world::name_server,
};
use common::ambient::Ambient;
use configurator::domains::resolver::{Resolver, Source};
use contracts::id::InstanceId;
use serde_json::json;
use std::collections::HashMap;
use test_support::{TestAnswer, TestUser, eventually};
use tokio::net::UdpSocket;

#[tokio::test]
async fn hosts_that_look_like_the_platforms_own_are_given_to_nobody() {
    let fixture = start().await;
    for host in [
        "auth.forum.localhost",
        "WWW.forum.localhost",
        "ns12.forum.localhost",
        "xn--mnchen-3ya.forum.localhost",
        "forum.localhost",
        "sign-in.acme.forum.localhost",
        "platform.test",
        "auth.platform.test",
        "acme.auth.platform.test",
    ] {
        fixture.create(host, &[]).await.invalid(&["host"]);
    }
    assert_eq!(fixture.as_ada(fixture.server.get("/v1/instances")).await.expect(200), json!({"items": []}));
}

#[tokio::test]
async fn a_host_of_somebody_elses_domain_is_not_served_before_it_is_proved() {
    let fixture = start().await;
    for host in ["bank.example.com", "example.com"] {
        let instance = fixture.create(host, &[]).await.expect(202);
        assert_eq!(instance["state"], "awaiting_proof");
        assert_eq!(fixture.provision().await, None, "nothing is made for a host that is not proved");
        fixture.host(host).await.problem(404, "host_unknown");
    }
}

#[tokio::test]
async fn a_tenant_has_no_more_instances_than_its_quota() {
    let fixture = start_with(&[("MAX_INSTANCES_PER_TENANT", "3")]).await;
    let create = async |n: usize| fixture.create(&format!("acme-{n}.forum.localhost"), &[]).await.status;
    let (a, b, c, d, e, f) = tokio::join!(create(1), create(2), create(3), create(4), create(5), create(6));
    let mut statuses = [a, b, c, d, e, f];
    statuses.sort_unstable();
    assert_eq!(statuses, [202, 202, 202, 409, 409, 409]);
    fixture.create("acme-7.forum.localhost", &[]).await.problem(409, "quota_exceeded");
    let bob = fixture.stranger().await;
    let body = json!({"service": "forum", "host": "globex.forum.localhost"});
    fixture.server.post("/v1/instances", &body).bearer(&bob.token).send().await.expect(202);
}

async fn verify(fixture: &Fixture, user: &TestUser, id: InstanceId) -> TestAnswer {
    // As if the last look had been a while ago.
    fixture.tamper("UPDATE instances SET proof_checked_at = NULL WHERE id = $1", id).await;
    fixture.server.post(&format!("/v1/instances/{id}/verify-host"), &()).bearer(&user.token).send().await
}

#[tokio::test]
async fn the_record_that_the_instance_shows_proves_its_host() {
    let fixture = start().await;
    let instance = fixture.create("forum.acme.test", &[]).await.expect(202);
    let (id, proof) = (id(&instance), instance["host_proof"].clone());
    assert_eq!(
        (&proof["record_type"], &proof["record_name"]),
        (&json!("TXT"), &json!("_sevenleague-challenge.forum.acme.test"))
    );
    assert!(instance["expires_at"].is_string());
    let name = proof["record_name"].as_str().unwrap();
    verify(&fixture, &fixture.ada, id).await.problem(409, "host_not_proved");
    fixture.dns.set(name, "somebody else's");
    verify(&fixture, &fixture.ada, id).await.problem(409, "host_not_proved");
    let path = format!("/v1/instances/{id}/verify-host");
    let soon = fixture.as_ada(fixture.server.post(&path, &())).await;
    assert!(soon.header("retry-after").is_some());
    soon.problem(429, "too_many_requests");
    fixture.dns.set(name, proof["record_value"].as_str().unwrap());
    let proved = verify(&fixture, &fixture.ada, id).await.expect(202);
    assert_eq!((&proved["state"], proved.get("host_proof")), (&json!("requested"), None));
    verify(&fixture, &fixture.ada, id).await.problem(409, "not_awaiting_proof");
    // The transaction of the one refused last may hold the row for a moment: it is rolled back in the background.
    assert_eq!(eventually("it is provisioned", async || fixture.provision().await).await, id);
    assert_eq!(fixture.host("forum.acme.test").await.expect(200)["state"], "awaiting_setup");
}

#[tokio::test]
async fn a_record_is_found_without_anybody_asking() {
    let fixture = start().await;
    let instance = fixture.create("forum.acme.test", &[]).await.expect(202);
    let proof = &instance["host_proof"];
    for (record, state) in [("not yet", "awaiting_proof"), (proof["record_value"].as_str().unwrap(), "requested")] {
        fixture.dns.set(proof["record_name"].as_str().unwrap(), record);
        fixture.due(id(&instance)).await;
        assert_eq!(fixture.pass().await, 1);
        assert_eq!(fixture.get(id(&instance)).await["state"], state);
        assert_eq!(fixture.pass().await, 0, "not again at once");
    }
}

#[tokio::test]
async fn whoever_proves_a_host_has_it_however_many_asked_before() {
    let fixture = start().await;
    let bob = fixture.stranger().await;
    let squatted = fixture.requested("forum.globex.test", &[]).await;
    let body = json!({"service": "forum", "host": "forum.globex.test"});
    let owned = fixture.server.post("/v1/instances", &body).bearer(&bob.token).send().await.expect(202);
    let proof = &owned["host_proof"];
    let squatters = fixture.get(squatted).await["host_proof"].clone();
    assert_ne!(squatters["record_value"], proof["record_value"], "a record proves the host for one tenant");
    let name = proof["record_name"].as_str().unwrap();
    fixture.dns.set(name, proof["record_value"].as_str().unwrap());
    verify(&fixture, &fixture.ada, squatted).await.problem(409, "host_not_proved");
    verify(&fixture, &bob, id(&owned)).await.expect(202);
    fixture.dns.set(name, squatters["record_value"].as_str().unwrap());
    verify(&fixture, &fixture.ada, squatted).await.problem(409, "host_taken");
    fixture.due(squatted).await;
    assert_eq!(fixture.pass().await, 1);
    assert!(
        fixture.get(squatted).await["reason"]
            .as_str()
            .is_some_and(|reason| reason.contains("somebody else has proved it"))
    );
    fixture.cancel(squatted).await.expect(202);
    verify(&fixture, &bob, squatted).await.problem(404, "instance_not_found");
}

#[tokio::test]
async fn name_servers_are_asked_for_texts_of_several_pieces() {
    let (name, absent) = ("_sevenleague-challenge.forum.acme.test", "_sevenleague-challenge.forum.globex.test");
    let texts = vec!["v=spf1 -all".to_owned(), "the proof in two pieces".to_owned()];
    let server = name_server(HashMap::from([(name.to_owned(), texts.clone())])).await;
    let resolver = Resolver::open(&Source::Servers(vec![server]), Ambient::system()).unwrap();
    let mut found = resolver.txt(name).await.unwrap();
    found.sort();
    assert_eq!(found, ["the proof in two pieces".to_owned(), "v=spf1 -all".to_owned()]);
    assert_eq!(resolver.txt(absent).await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn while_dns_is_away_nothing_is_said_of_the_host() {
    let dead = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let server = dead.local_addr().unwrap().to_string();
    let fixture = start_with(&[("DNS_TXT_FILE", ""), ("DNS_SERVERS", &server)]).await;
    let waiting = fixture.requested("forum.acme.test", &[]).await;
    verify(&fixture, &fixture.ada, waiting).await.problem(503, "unavailable");
    assert_eq!(fixture.get(waiting).await["state"], "awaiting_proof");
}
