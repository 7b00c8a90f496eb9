//! Databases and roles that really exist, and a saga that may end anywhere.

use crate::{
    admin::{statement, superuser},
    support::{Fixture, HOST, start},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use configurator::provisioning::{
    provision_next, scram,
    server::{InstanceServer, Names, Plan},
    steps::Held,
    store,
};
use contracts::id::InstanceId;
use sqlx::{Connection, PgConnection, Row};
use test_support::{background, eventually};

async fn url_of_owner(fixture: &Fixture, id: InstanceId) -> String {
    fixture.credentials(id).await.expect(200)["database_url"].as_str().unwrap().to_owned()
}

/// Asserts that everything is there, exactly as it must be.
async fn assert_made(names: &Names) {
    let Names { database, owner, app } = names;
    let mut superuser = superuser().await;
    let row = sqlx::query(
        "SELECT pg_get_userbyid(datdba) AS owner, has_database_privilege($2, datname, 'CONNECT')
         AS app, datacl::text LIKE '%{=%' OR datacl::text LIKE '%,=%' AS public
         FROM pg_database WHERE datname = $1",
    );
    let row = row.bind(database).bind(app).fetch_one(&mut superuser).await.expect("the database is there");
    assert_eq!(
        (row.get::<String, _>("owner"), row.get::<bool, _>("app"), row.get::<bool, _>("public")),
        (owner.clone(), true, false)
    );
    for role in [owner, app] {
        let row = sqlx::query(
            "SELECT rolcanlogin AND NOT (rolsuper OR rolcreatedb OR rolcreaterole OR rolreplication
             OR rolbypassrls) AS plain, rolconnlimit, rolpassword
             FROM pg_authid WHERE rolname = $1",
        );
        let row = row.bind(role).fetch_one(&mut superuser).await.expect("the role is there");
        assert!(row.get::<bool, _>("plain") && row.get::<i32, _>("rolconnlimit") > 0, "{role}");
        assert!(row.get::<String, _>("rolpassword").starts_with("SCRAM-SHA-256$"), "{role}");
    }
}

/// Whether the role's password is the one in `url`; the server under test may let anybody in.
async fn takes_password_of(url: &str) -> bool {
    let (role, password) = url.split_once("://").and_then(|(_, rest)| rest.split_once('@')?.0.split_once(':')).unwrap();
    let stored: String = sqlx::query_scalar("SELECT rolpassword FROM pg_authid WHERE rolname = $1")
        .bind(role)
        .fetch_one(&mut superuser().await)
        .await
        .unwrap();
    let salt = stored.split([':', '$']).nth(2).unwrap();
    scram::verifier(password, &STANDARD.decode(salt).unwrap().try_into().unwrap()) == stored
}

#[tokio::test]
async fn an_instance_gets_a_database_and_two_roles_of_its_own() {
    let fixture = start().await;
    let (id, other) = (fixture.active(HOST, &[]).await, fixture.awaiting_setup("other.forum.localhost", &[]).await);
    let (names, others) = (Names::from(id), Names::from(other));
    assert_made(&names).await;
    let owner = url_of_owner(&fixture, id).await;
    let app = fixture.host(HOST).await.expect(200)["database_url"].as_str().unwrap().to_owned();
    assert!(takes_password_of(&owner).await && takes_password_of(&app).await);
    let mut owner = PgConnection::connect(&owner).await.expect("the owner connects");
    statement(&mut owner, "CREATE TABLE posts (id bigint)".into()).await;
    let mut connection = PgConnection::connect(&app).await.expect("the app's role connects");
    let refused = sqlx::query("CREATE TABLE mine (id bigint)").execute(&mut connection).await.unwrap_err();
    assert_eq!(refused.as_database_error().unwrap().code().unwrap(), "42501");
    let refused =
        PgConnection::connect(&app.replace(&names.database, &others.database).replace(&others.app, &names.app))
            .await
            .unwrap_err();
    assert_eq!(
        refused.as_database_error().unwrap().code().unwrap(),
        "42501",
        "another instance's database lets nobody else in"
    );
    let mut rows = sqlx::query_scalar::<_, String>("SELECT row_to_json(s)::text FROM instance_secrets s")
        .fetch_all(&fixture.platform.pool)
        .await
        .unwrap();
    rows.extend(
        sqlx::query_scalar::<_, String>("SELECT envelope::text FROM outbox")
            .fetch_all(&fixture.platform.pool)
            .await
            .unwrap(),
    );
    let password = app.split(['@', ':']).nth(2).unwrap();
    assert!(password.len() == 43 && rows.iter().all(|row| !row.contains(password)), "no secret lies in the open");
}

#[tokio::test]
async fn every_step_can_be_done_again_from_any_half_made_state() {
    let fixture = start().await;
    let server = InstanceServer::parse(&fixture.admin.url).unwrap();
    let ambient = &fixture.platform.ambient;
    for half_made in [
        "",
        "CREATE ROLE owner",
        "CREATE ROLE owner LOGIN; CREATE ROLE app LOGIN PASSWORD 'older'",
        "CREATE ROLE owner; GRANT owner TO CURRENT_USER",
        "CREATE ROLE owner; CREATE ROLE app; GRANT owner TO CURRENT_USER; CREATE DATABASE all OWNER owner",
    ] {
        let id = InstanceId(ambient.uuid());
        fixture.admin.unlisted.lock().unwrap().push(id);
        let names = Names::from(id);
        let mut admin = PgConnection::connect(&fixture.admin.url).await.unwrap();
        for sql in half_made.split("; ") {
            let sql = sql.replace(" owner", &format!(" {}", names.owner)).replace(" app", &format!(" {}", names.app));
            statement(&mut admin, sql.replace(" all", &format!(" {}", names.database))).await;
        }
        let plan = Plan { names, owner_password: ambient.token().into(), app_password: ambient.token().into() };
        for _ in 0..2 {
            let mut held = Held::take(&server, &plan.names).await.unwrap().expect("nobody else is at it");
            held.make(ambient, &plan).await.unwrap();
            drop(held);
            assert_made(&plan.names).await;
            let (owner, app) = (&plan.names.owner, &plan.names.app);
            assert!(
                takes_password_of(&server.url(owner, &plan.owner_password, "x")).await
                    && takes_password_of(&server.url(app, &plan.app_password, "x")).await
            );
        }
    }
}

#[tokio::test]
async fn an_instance_is_in_one_hand_at_a_time() {
    let fixture = start().await;
    let id = fixture.requested(HOST, &[]).await;
    let (a, b, c) = tokio::join!(fixture.provision(), fixture.provision(), fixture.provision());
    assert_eq!([a, b, c].into_iter().flatten().collect::<Vec<_>>(), [id]);
    assert_eq!(fixture.get(id).await["state"], "awaiting_setup");
    assert_eq!(fixture.provision().await, None);
}

#[tokio::test]
async fn what_a_killed_configurator_held_is_taken_over_when_its_claim_runs_out() {
    let fixture = start().await;
    let id = fixture.requested(HOST, &[]).await;
    let killed = fixture.claim().await;
    assert_eq!(fixture.get(id).await["state"], "provisioning");
    assert_eq!(fixture.provision().await, None, "the claim holds");
    fixture.due(id).await;
    assert_eq!(fixture.provision().await, Some(id));
    assert_made(&id.into()).await;
    let taken_over = fixture.get(id).await;
    assert_eq!(taken_over["state"], "awaiting_setup");
    let (mut tx, now) = (fixture.tenant().begin().await.unwrap(), fixture.platform.ambient.now());
    store::tell(&mut tx, &killed, "too late to say anything", now, now).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(fixture.get(id).await, taken_over);
}

/// Cut off at many moments, as by a kill: the connection breaks wherever the saga is, and its claim runs out.
#[tokio::test]
async fn a_crash_at_any_moment_leaves_what_the_next_one_finishes() {
    let fixture = start().await;
    for after_ms in [0, 5, 15, 30, 60, 120, 250] {
        let id = fixture.requested(&format!("cut-after-{after_ms}.forum.localhost"), &[]).await;
        let _ = tokio::time::timeout(std::time::Duration::from_millis(after_ms), fixture.provision()).await;
        eventually("the next one finishes", async || {
            fixture.due(id).await;
            fixture.provision().await;
            (fixture.get(id).await["state"] == "awaiting_setup").then_some(())
        })
        .await;
        assert_made(&id.into()).await;
        assert!(takes_password_of(&url_of_owner(&fixture, id).await).await);
    }
}

#[tokio::test]
async fn one_that_lost_its_claim_but_not_its_connection_is_waited_for() {
    let fixture = start().await;
    let id = fixture.requested(HOST, &[]).await;
    let mut still_there = PgConnection::connect(&fixture.admin.url).await.unwrap();
    let lock = sqlx::query("SELECT pg_advisory_lock(hashtextextended($1, 0))").bind(Names::from(id).database);
    lock.execute(&mut still_there).await.unwrap();
    assert_eq!(fixture.provision().await, Some(id));
    assert_eq!(fixture.get(id).await["state"], "provisioning");
    still_there.close().await.unwrap();
    fixture.due(id).await;
    fixture.provision().await;
    assert_eq!(fixture.get(id).await["state"], "awaiting_setup");
}

#[tokio::test]
async fn while_the_server_is_away_nothing_is_held_against_the_instance() {
    let fixture = start().await;
    let id = fixture.requested(HOST, &[]).await;
    let cut_off = fixture.another_app(&[("INSTANCE_ADMIN_URL", "postgres://nobody:x@127.0.0.1:1/postgres")]).await;
    for _ in 0..7 {
        assert_eq!(provision_next(&cut_off, background()).await.unwrap(), Some(id));
        fixture.due(id).await;
    }
    let waiting = fixture.get(id).await;
    assert_eq!((waiting["state"].as_str(), waiting["reason"].as_str()), (Some("provisioning"), None));
    fixture.provision().await;
    assert_eq!(fixture.get(id).await["state"], "awaiting_setup");
}

/// Nobody need retry: people see why they wait, and it goes on when the server is back.
#[tokio::test]
async fn an_outage_that_lasts_is_told_and_ends_by_itself() {
    let fixture = start().await;
    let id = fixture.requested(HOST, &[]).await;
    let cut_off = fixture.another_app(&[("INSTANCE_ADMIN_URL", "postgres://nobody:x@127.0.0.1:1/postgres")]).await;
    assert_eq!(provision_next(&cut_off, background()).await.unwrap(), Some(id));
    assert_eq!(fixture.get(id).await["reason"].as_str(), None);
    fixture
        .tamper(
            "UPDATE instances SET due_at = created_at, state_since = state_since - interval '20 minutes' WHERE id = $1",
            id,
        )
        .await;
    assert_eq!(provision_next(&cut_off, background()).await.unwrap(), Some(id));
    let told = fixture.get(id).await;
    assert!(
        told["reason"].as_str().is_some_and(|reason| reason.contains("cannot be reached"))
            && told["expires_at"].is_string(),
        "{told}"
    );
    fixture.due(id).await;
    assert_eq!(fixture.provision().await, Some(id));
    let instance = fixture.get(id).await;
    assert_eq!((&instance["state"], instance["reason"].as_str()), (&serde_json::json!("awaiting_setup"), None));
}

#[tokio::test]
async fn a_server_that_refuses_is_told_to_people_who_can_retry() {
    let fixture = start().await;
    let id = fixture.requested(HOST, &[]).await;
    let admin = fixture.admin.url.split(['/', ':']).nth(3).unwrap().to_owned();
    statement(&mut superuser().await, format!("ALTER ROLE {admin} NOCREATEDB")).await;
    let mut passes = 0;
    let failed = loop {
        let seen = fixture.get(id).await;
        if !seen["reason"].is_null() {
            break seen;
        }
        // A pass may find the lock of the one before, whose connection the server has not seen end yet.
        assert!(passes < 100, "{seen}");
        fixture.due(id).await;
        assert_eq!(fixture.provision().await, Some(id));
        passes += 1;
    };
    assert!(passes >= 5, "told after {passes} refusals");
    assert_eq!(
        (failed["state"].as_str(), failed["reason"].as_str().map(|reason| reason.contains("42501"))),
        (Some("provisioning"), Some(true))
    );
    assert_eq!(fixture.provision().await, None);
    statement(&mut superuser().await, format!("ALTER ROLE {admin} CREATEDB")).await;
    fixture.retry(id).await.expect(202);
    fixture.retry(id).await.problem(409, "nothing_failed");
    assert_eq!(fixture.provision().await, Some(id));
    assert_eq!(fixture.get(id).await["state"], "awaiting_setup");
    assert_made(&id.into()).await;
}
