//! The setup form, and what a product service and the worker learn of an instance.

use crate::support::{HOST, manifest, start};
use contracts::{
    jobs::{Job, MigrateInstance},
    messages::{JobOutcome, RunJob},
};
use serde_json::json;

#[tokio::test]
async fn the_form_is_taken_once_and_orders_the_migration() {
    let fixture = start().await;
    let id = fixture.requested(HOST, &["charts", "polls"]).await;
    let form = json!({"setup_code": "AAAAAAAA", "settings": {"title": "Acme"}});
    fixture.submit(HOST, &form).await.problem(409, "not_awaiting_setup");
    fixture.provision().await;
    let code = fixture.get(id).await["setup_code"].as_str().unwrap().to_owned();
    assert_eq!(code.len(), 28 + 6, "seven groups of four");
    let (typed, other) = (format!("{} - {}", code[..4].to_lowercase(), &code[4..]), "AAAAAAAA");
    fixture.submit(HOST, &json!({"setup_code": other, "settings": {"title": "Acme"}})).await.invalid(&["setup_code"]);
    let wrong = json!({"setup_code": other, "settings": {"title": "A", "posts_per_page": "many", "stranger": true}});
    fixture.submit(HOST, &wrong).await.invalid(&[
        "setup_code",
        "settings.posts_per_page",
        "settings.stranger",
        "settings.title",
    ]);
    fixture.submit(HOST, &json!({"setup_code": typed})).await.invalid(&["settings.title"]);
    fixture.submit(HOST, &json!({"settings": {"title": "Acme"}})).await.invalid(&["setup_code"]);
    assert!(fixture.platform.outbox::<RunJob>().await.is_empty());
    let settings = json!({"title": "Acme \u{1f980}", "posts_per_page": 20});
    let right = json!({"setup_code": typed, "settings": settings});
    assert_eq!(fixture.submit("ACME.forum.localhost", &right).await.expect(202), json!({"state": "migrating"}));
    fixture.submit(HOST, &right).await.problem(409, "not_awaiting_setup");
    let [job] = fixture.platform.outbox::<RunJob>().await.try_into().expect("one job");
    assert_eq!((job.kind.as_str(), job.version, job.instance_id), (MigrateInstance::KIND, 1, Some(id)));
    let MigrateInstance { bundle } = serde_json::from_value(job.payload).unwrap();
    assert_eq!(
        (bundle.service.as_str(), bundle.bundle_version.as_str(), bundle.modules),
        ("forum", "1.0.0", vec!["polls".into(), "charts".into()])
    );
    let instance = fixture.get(id).await;
    assert_eq!(
        (&instance["state"], &instance["settings"], instance.get("setup_code")),
        (&json!("migrating"), &settings, None)
    );
}

/// A stranger who types wrong codes, also from the owner's own address, keeps nobody out who has the right one.
#[tokio::test]
async fn the_right_code_works_while_a_stranger_floods_wrong_ones() {
    let fixture = start().await;
    let id = fixture.awaiting_setup(HOST, &[]).await;
    let right = json!({"setup_code": fixture.get(id).await["setup_code"], "settings": {"title": "Acme"},
        "source": "192.0.2.1"});
    let wrong = |source: &str| json!({"setup_code": "AAAAAAAA", "settings": {"title": "Acme"}, "source": source});
    let mut refused = 0;
    for _ in 0..30 {
        let answer = fixture.submit(HOST, &wrong("192.0.2.1")).await;
        if answer.status == 429 {
            assert!(
                answer
                    .header("retry-after")
                    .is_some_and(|seconds| seconds.parse::<u32>().is_ok_and(|seconds| seconds > 0))
            );
            refused += 1;
        } else {
            answer.invalid(&["setup_code"]);
        }
    }
    assert!(refused >= 10, "whoever guesses is slowed down: {refused} of 30");
    fixture.submit(HOST, &wrong("192.0.2.2")).await.invalid(&["setup_code"]);
    fixture.submit(HOST, &right).await.expect(202);
}

#[tokio::test]
async fn a_product_service_finds_its_own_instances_by_host() {
    let fixture = start().await;
    fixture.host(HOST).await.problem(404, "host_unknown");
    let id = fixture.requested(HOST, &["polls"]).await;
    let seen = fixture.host("Acme.Forum.Localhost").await.expect(200);
    assert_eq!((&seen["instance_id"], &seen["tenant_id"]), (&json!(id), &json!(fixture.ada.tenant)));
    assert_eq!(
        (&seen["service"], &seen["version"], &seen["state"], &seen["modules"]),
        (&json!("forum"), &json!("1.0.0"), &json!("requested"), &json!(["polls"]))
    );
    assert_eq!(
        (&seen["setup_schema"], &seen["database_url"], &seen["retry_after"]),
        (&manifest("1.0.0")["setup"], &json!(null), &json!(2))
    );
    fixture.provision().await;
    let waiting = fixture.host(HOST).await.expect(200);
    assert_eq!(
        (&waiting["state"], &waiting["database_url"], waiting.get("retry_after")),
        (&json!("awaiting_setup"), &json!(null), None)
    );
    assert!(waiting["generation"].as_i64() > seen["generation"].as_i64());
    let code = fixture.get(id).await["setup_code"].clone();
    fixture.submit(HOST, &json!({"setup_code": code, "settings": {"title": "Acme"}})).await.expect(202);
    assert_eq!(fixture.host(HOST).await.expect(200)["database_url"], json!(null));
    for _ in 0..2 {
        fixture.finished(&fixture.last_job().await, JobOutcome::Succeeded, None).await;
    }
    let active = fixture.host(HOST).await.expect(200);
    assert_eq!((&active["state"], &active["settings"]), (&json!("active"), &json!({"title": "Acme"})));
    assert!(active["database_url"].as_str().unwrap().contains(&format!("i_{}_app:", id.0.simple())));
    for host in ["other.forum.localhost", "localhost", "a.b:80", "acme.forum.localhost%20"] {
        fixture.host(host).await.problem(404, "host_unknown");
    }
    assert_eq!(fixture.host("acme.forum.localhost%00").await.status, 404);
}

#[tokio::test]
async fn another_products_host_is_not_there() {
    let fixture = start().await;
    let mut wiki = manifest("1.0.0");
    (wiki["service"], wiki["permissions"]) = ("wiki".into(), json!([]));
    fixture.publish_as_operator(&wiki).await.expect(201);
    fixture
        .as_ada(fixture.server.post("/v1/instances", &json!({"service": "wiki", "host": "acme.wiki.localhost"})))
        .await
        .expect(202);
    fixture.host("acme.wiki.localhost").await.problem(404, "host_unknown");
    fixture.submit("acme.wiki.localhost", &json!({"setup_code": "AAAAAAAA"})).await.problem(404, "host_unknown");
    let as_worker =
        fixture.server.get("/internal/hosts/acme.wiki.localhost").bearer(&fixture.platform.client_token("worker"));
    as_worker.send().await.problem(404, "host_unknown");
}

#[tokio::test]
async fn only_the_products_worker_gets_the_owners_credentials() {
    let fixture = start().await;
    let id = fixture.requested(HOST, &[]).await;
    let path = format!("/internal/instances/{id}/credentials");
    let ask = async |client| fixture.server.get(&path).bearer(&fixture.platform.client_token(client)).send().await;
    fixture.credentials(id).await.problem(409, "no_database");
    fixture.provision().await;
    let credentials = fixture.credentials(id).await.expect(200);
    assert_eq!(credentials["app_role"], format!("i_{}_app", id.0.simple()));
    for (url, role) in [("database_url", "owner"), ("app_database_url", "app")] {
        assert!(credentials[url].as_str().unwrap().contains(&format!("i_{}_{role}:", id.0.simple())), "{credentials}");
    }
    assert_eq!((&credentials["tenant_id"], &credentials["service"]), (&json!(fixture.ada.tenant), &json!("forum")));
    for client in ["wiki-worker", "worker", "forum", "-worker", "forum-worker-worker", "billing"] {
        ask(client).await.problem(404, "instance_not_found");
    }
    fixture.as_ada(fixture.server.get(&path)).await.problem(403, "platform_client_only");
}
