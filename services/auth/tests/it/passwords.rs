//! Passwords that are changed and forgotten.

use crate::support::{Account, PASSWORD, World, id, path_of, text, variable};
use chrono::TimeDelta;
use contracts::messages::SendMail;
use serde_json::{Value, json};
use test_support::{Link, TestAnswer, eventually, redis_url_of};

const NEW: &str = "eight leagues, uphill";

async fn change(world: &World, session: &Value, current: &str, new: &str) -> TestAnswer {
    let body = json!({"current_password": current, "new_password": new});
    world.server.post("/v1/me/password", &body).bearer(text(session, "access_token")).await
}

async fn me(world: &World, session: &Value) -> TestAnswer {
    world.server.get("/v1/me").bearer(text(session, "access_token")).await
}

async fn log_in(world: &World, email: &str, password: &str) -> TestAnswer {
    world.server.post("/v1/sessions", &json!({"email": email, "password": password})).await
}

async fn ask(world: &World, email: &str) {
    let sent = world.server.post("/v1/password-resets", &json!({"email": email})).await;
    assert_eq!(sent.expect(202), json!({"status": "reset_sent"}));
}

/// Asks for a new password, and gives the path of the link.
async fn link(world: &World, account: &Account) -> String {
    let before = world.mails("reset-password", &account.email).await.len();
    ask(world, &account.email).await;
    eventually("the link", async || {
        let mails = world.mails("reset-password", &account.email).await;
        mails.get(before).map(path_of)
    })
    .await
}

/// What was asked for was looked at.
async fn looked_at(world: &World) {
    let waiting = "password_resets WHERE token_hash IS NULL";
    eventually("all was looked at", async || (world.count(waiting).await == 0).then_some(())).await;
}

#[tokio::test]
async fn a_changed_password_ends_every_other_session_everywhere() {
    let (world, ada) = World::with_ada().await;
    let (bob, token) = world.signed_in("bob@beta.test", "Beta", &["auth.inviteMembers"]).await;
    // Ada is in Bob's tenant, too.
    world.server.post("/v1/invitations", &json!({"email": ada.email})).bearer(&token).await.expect(202);
    let invitation = world.link("invitation", &ada.email).await;
    world.server.post(&invitation, &json!({"password": PASSWORD})).await.expect(201);
    let (here, there, bobs) = (world.log_in(&ada).await, world.log_in(&ada).await, world.log_in(&bob).await);
    let in_beta = json!({"email": ada.email, "password": PASSWORD, "tenant_id": bob.tenant});
    let in_beta = world.server.post("/v1/sessions", &in_beta).await.expect(201);

    assert_eq!(change(&world, &here, PASSWORD, NEW).await.status, 204);
    for ended in [&there, &in_beta] {
        me(&world, ended).await.problem(401, "session_ended");
        let refresh = json!({"refresh_token": ended["refresh_token"]});
        world.server.post("/v1/sessions/refresh", &refresh).await.problem(401, "session_ended");
    }
    for goes_on in [&here, &bobs] {
        me(&world, goes_on).await.expect(200);
    }
    log_in(&world, &ada.email, PASSWORD).await.problem(401, "credentials_wrong");
    log_in(&world, &ada.email, NEW).await.expect(201);
    assert_eq!(world.mails("password-changed", &ada.email).await.len(), 1);
    assert_eq!(world.count("session_endings").await, 0, "Redis knows");
}

#[tokio::test]
async fn a_password_is_changed_by_who_knows_it_and_to_a_good_one() {
    let (world, ada) = World::with_ada().await;
    let session = world.log_in(&ada).await;
    change(&world, &session, "not my password at all", NEW).await.invalid(&["current_password"]);
    for weak in ["short", "passwordpassword", "I am ada, no other", "all of acme, always", PASSWORD] {
        change(&world, &session, PASSWORD, weak).await.invalid(&["new_password"]);
    }
    world.allow(&ada, &["auth.readMembers"]).await;
    let key = json!({"name": "laptop", "permissions": ["auth.readMembers"]});
    let key = world.server.post("/v1/api-keys", &key).bearer(text(&session, "access_token")).await.expect(201);
    let exchanged = world.server.post("/v1/me/password", &json!({"current_password": PASSWORD, "new_password": NEW}));
    exchanged.bearer(text(&key, "secret")).await.problem(403, "user_session_required");
    me(&world, &session).await.expect(200);
    assert_eq!(world.count("users WHERE password_version = 1").await, 1);
    // Six were tried before: whoever has stolen a session does not find the password by trying.
    for _ in 6..10 {
        change(&world, &session, "not my password at all", NEW).await.invalid(&["current_password"]);
    }
    change(&world, &session, PASSWORD, NEW).await.problem(429, "too_many_requests");
    log_in(&world, &ada.email, PASSWORD).await.expect(201);
}

#[tokio::test]
async fn a_log_in_by_the_old_password_gets_no_session_after_the_change() {
    let (world, ada) = World::with_ada().await;
    let session = world.log_in(&ada).await;
    // Its password was right when it was compared, and the change is committed before the session begins.
    let mut change_under_way = world.platform.pool.begin().await.unwrap();
    let lock = "UPDATE users SET password_version = password_version + 1";
    sqlx::raw_sql(lock).execute(&mut *change_under_way).await.unwrap();
    let logging_in = log_in(&world, &ada.email, PASSWORD);
    let committing = async {
        eventually("the log-in waits", async || {
            let waits = "pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
            (world.count(waits).await == 1).then_some(())
        })
        .await;
        change_under_way.commit().await.unwrap();
    };
    let (answer, ()) = tokio::join!(logging_in, committing);
    answer.problem(401, "credentials_wrong");
    assert_eq!(world.count("sessions").await, 1);
    me(&world, &session).await.expect(200);
}

#[tokio::test]
async fn a_forgotten_password_is_replaced_by_the_link_in_the_mail() {
    let (world, ada) = World::with_ada().await;
    let session = world.log_in(&ada).await;
    let (first, second) = (link(&world, &ada).await, link(&world, &ada).await);
    let mail = world.mails("reset-password", &ada.email).await.pop().unwrap();
    assert_eq!(
        (variable(&mail, "minutes"), mail.expires_at),
        (json!(30), Some(world.clock.now() + TimeDelta::minutes(30)))
    );
    let page = world.server.get(&first).header("accept", "text/html").await;
    assert!(page.status == 200 && page.text.contains("ada@acme.test"), "{}", page.text);
    world.server.post(&first, &json!({"new_password": "passwordpassword"})).await.invalid(&["new_password"]);
    me(&world, &session).await.expect(200);
    let reset = world.server.post(&first, &json!({"new_password": NEW})).await.expect(200);
    assert_eq!(reset, json!({"email": ada.email}));
    me(&world, &session).await.problem(401, "session_ended");
    log_in(&world, &ada.email, PASSWORD).await.problem(401, "credentials_wrong");
    log_in(&world, &ada.email, NEW).await.expect(201);
    assert_eq!(world.mails("password-changed", &ada.email).await.len(), 1);
    for used in [&first, &second] {
        world.server.post(used, &json!({"new_password": PASSWORD})).await.problem(410, "link_used");
        assert_eq!(world.server.get(used).await.status, 410);
    }
}

#[tokio::test]
async fn a_link_ends_after_half_an_hour_or_with_a_change() {
    let (world, ada) = World::with_ada().await;
    let late = link(&world, &ada).await;
    world.clock.advance(TimeDelta::minutes(30));
    world.server.post(&late, &json!({"new_password": NEW})).await.problem(410, "link_used");
    let (session, open) = (world.log_in(&ada).await, link(&world, &ada).await);
    assert_eq!(change(&world, &session, PASSWORD, NEW).await.status, 204);
    world.server.post(&open, &json!({"new_password": PASSWORD})).await.problem(410, "link_used");
    world
        .server
        .post("/v1/password-resets/never-was-one", &json!({"new_password": NEW}))
        .await
        .problem(410, "link_used");
    world.sweep(world.clock.now() + TimeDelta::days(8)).await;
    assert_eq!(world.count("password_resets").await, 0);
}

#[tokio::test]
async fn nobody_learns_from_a_reset_who_has_an_account() {
    let (world, ada) = World::with_ada().await;
    ask(&world, "nobody@acme.test").await;
    ask(&world, &ada.email).await;
    looked_at(&world).await;
    let mails = world.said::<SendMail>().await.into_iter().filter(|mail| mail.mail.template() == "reset-password");
    assert_eq!(mails.map(|mail| mail.recipient).collect::<Vec<_>>(), [&*ada.email]);
    assert_eq!(world.count("password_resets").await, 1, "what leads nowhere is forgotten");
    world.server.post("/v1/password-resets", &json!({"email": "ada"})).await.invalid(&["email"]);
    let elsewhere = json!({"email": ada.email, "return_to": "https://evil.test/"});
    world.server.post("/v1/password-resets", &elsewhere).await.invalid(&["return_to"]);
}

#[tokio::test]
async fn an_address_gets_few_links_and_each_of_them_works() {
    let (world, ada) = World::with_ada().await;
    let first = link(&world, &ada).await;
    for _ in 0..3 {
        link(&world, &ada).await;
    }
    world.server.post("/v1/password-resets", &json!({"email": ada.email})).await.problem(429, "too_many_requests");
    // Whoever asks from many networks.
    let ask_from_everywhere = async |many: u8| {
        let more = format!(
            "INSERT INTO password_resets SELECT gen_random_uuid(), 'ada@acme.test', NULL, NULL, now(),
             now() + interval '1 day' FROM generate_series(1, {many})"
        );
        sqlx::raw_sql(sqlx::AssertSqlSafe(more)).execute(&world.platform.pool).await.unwrap();
        looked_at(&world).await;
        world.mails("reset-password", &ada.email).await.len()
    };
    assert_eq!(ask_from_everywhere(6).await, 5);
    world.server.post(&first, &json!({"new_password": NEW})).await.expect(200);
    assert_eq!(ask_from_everywhere(3).await, 6, "who has no link that works gets one");
}

#[tokio::test]
async fn what_is_over_before_it_is_looked_at_is_not_mailed() {
    let (world, ada) = World::with_ada().await;
    let over = "INSERT INTO password_resets VALUES
        (gen_random_uuid(), 'ada@acme.test', NULL, NULL, now(), now() - interval '1 day', NULL),
        (gen_random_uuid(), 'ada@acme.test', NULL, NULL, now(), now() + interval '1 day', now())";
    sqlx::raw_sql(over).execute(&world.platform.pool).await.unwrap();
    looked_at(&world).await;
    assert_eq!(world.mails("reset-password", &ada.email).await.len(), 0);
}

#[tokio::test]
async fn many_links_used_at_once_change_the_password_once() {
    let (world, ada) = World::with_ada().await;
    let session = world.log_in(&ada).await;
    let (a, b) = (link(&world, &ada).await, link(&world, &ada).await);
    let use_up = async |path: &str, new: &str| world.server.post(path, &json!({"new_password": new})).await.status;
    let changed = async { change(&world, &session, PASSWORD, "twelve leagues downhill").await.status };
    let (a, b, again, changed) =
        tokio::join!(use_up(&a, NEW), use_up(&b, "nine leagues or ten"), use_up(&a, "eleven leagues it is"), changed);
    let answers = [a, b, again, changed];
    assert_eq!(answers.iter().filter(|status| **status < 300).count(), 1, "{answers:?}");
    assert!(answers.iter().all(|status| [200, 204, 401, 409, 410, 422].contains(status)), "{answers:?}");
    assert_eq!(world.count("users WHERE password_version = 2").await, 1);
}

#[tokio::test]
async fn all_other_sessions_are_ended_at_once() {
    let (world, ada) = World::with_ada().await;
    let (here, there, elsewhere) = (world.log_in(&ada).await, world.log_in(&ada).await, world.log_in(&ada).await);
    let end = async || world.server.delete("/v1/sessions").bearer(text(&here, "access_token")).await.status;
    assert_eq!((end().await, end().await), (204, 204));
    for ended in [&there, &elsewhere] {
        me(&world, ended).await.problem(401, "session_ended");
    }
    me(&world, &here).await.expect(200);
}

#[tokio::test]
async fn a_change_while_redis_is_away_reaches_it_when_it_is_back() {
    let redis = redis_url_of("auth");
    let link = Link::to(&redis).await;
    let world = World::with(&[("REDIS_URL", link.through(&redis))]).await;
    let ada = world.account("ada@acme.test", "Acme").await;
    let (here, there) = (world.log_in(&ada).await, world.log_in(&ada).await);
    let reset = self::link(&world, &ada).await;
    link.cut();
    let answer = world.server.post(&reset, &json!({"new_password": NEW})).await;
    assert!(answer.header("retry-after").is_some());
    answer.problem(503, "sessions_unconfirmed");
    assert_eq!(world.count("session_endings").await, 1);
    link.mend();
    world.clock.advance(TimeDelta::seconds(31));
    world.tell_ended().await;
    assert_eq!(world.count("session_endings").await, 0);
    for ended in [&here, &there] {
        me(&world, ended).await.problem(401, "session_ended");
    }
    assert_eq!(world.mails("password-changed", &ada.email).await.len(), 1);
}

/// As after an answer of 503, which a client repeats.
#[tokio::test]
async fn an_end_that_was_not_told_is_told_by_the_next_request() {
    let (world, ada) = World::with_ada().await;
    let (here, there) = (world.log_in(&ada).await, world.log_in(&ada).await);
    let ended = "UPDATE sessions SET ended_at = $2, end_reason = 'logged_out' WHERE id = $1";
    let ended = sqlx::query(ended).bind(id::<uuid::Uuid>(&there["session_id"])).bind(world.clock.now());
    ended.execute(&world.platform.pool).await.unwrap();
    me(&world, &there).await.expect(200);
    world.clock.advance(TimeDelta::seconds(2));
    let end = world.server.delete("/v1/sessions").bearer(text(&here, "access_token")).await;
    assert_eq!(end.status, 204);
    me(&world, &there).await.problem(401, "session_ended");
}
