//! Sessions: who is logged in, and for how long?

use crate::support::{World, id, text};
use chrono::TimeDelta;
use contracts::messages::{CompromiseReason, SessionCompromised};
use redis::AsyncCommands;
use serde_json::{Value, json};
use test_support::{Link, TestAnswer, redis_url_of};

async fn refresh(world: &World, token: &str) -> TestAnswer {
    world.server.post("/v1/sessions/refresh", &json!({"refresh_token": token})).await
}

async fn me(world: &World, session: &Value) -> TestAnswer {
    world.server.get("/v1/me").bearer(text(session, "access_token")).await
}

#[tokio::test]
async fn a_refresh_gives_the_next_tokens_of_the_same_session() {
    let (world, ada) = World::with_ada().await;
    let first = world.log_in(&ada).await;
    world.clock.advance(TimeDelta::hours(1));
    let second = refresh(&world, text(&first, "refresh_token")).await.expect(200);
    assert_ne!(second["refresh_token"], first["refresh_token"]);
    for same in ["session_id", "user", "tenant"] {
        assert_eq!(second[same], first[same]);
    }
    me(&world, &second).await.expect(200);
    // A browser has only the cookie.
    let cookie = format!("theme=dark; refresh_token={}", text(&second, "refresh_token"));
    let third = world.server.request(reqwest::Method::POST, "/v1/sessions/refresh").header("cookie", &cookie).await;
    assert!(third.header("set-cookie").unwrap().contains(text(&third.json, "refresh_token")));
    assert_eq!(third.expect(200)["session_id"], first["session_id"]);
    refresh(&world, "never-was-one").await.problem(401, "refresh_invalid");
    world.server.request(reqwest::Method::POST, "/v1/sessions/refresh").await.problem(401, "refresh_invalid");
}

#[tokio::test]
async fn two_tabs_that_refresh_at_once_get_the_same_successor() {
    let (world, ada) = World::with_ada().await;
    let first = world.log_in(&ada).await;
    let token = text(&first, "refresh_token");
    let (a, b, c) = tokio::join!(refresh(&world, token), refresh(&world, token), refresh(&world, token));
    let [a, b, c] = [a, b, c].map(|answer| answer.expect(200)["refresh_token"].clone());
    assert!(a == b && b == c);
    world.clock.advance(TimeDelta::seconds(59));
    assert_eq!(refresh(&world, token).await.expect(200)["refresh_token"], a);
    assert_eq!(world.count("refresh_tokens").await, 2);
}

#[tokio::test]
async fn a_copied_refresh_token_ends_the_session() {
    let (world, ada) = World::with_ada().await;
    // Used, and shown again too late.
    let first = world.log_in(&ada).await;
    let second = refresh(&world, text(&first, "refresh_token")).await.expect(200);
    world.clock.advance(TimeDelta::seconds(60));
    refresh(&world, text(&first, "refresh_token")).await.problem(401, "refresh_reused");
    me(&world, &second).await.problem(401, "session_ended");
    refresh(&world, text(&second, "refresh_token")).await.problem(401, "refresh_reused");
    // Used, and shown again in time, but its successor was used, too.
    let first = world.log_in(&ada).await;
    let second = refresh(&world, text(&first, "refresh_token")).await.expect(200);
    let third = refresh(&world, text(&second, "refresh_token")).await.expect(200);
    refresh(&world, text(&first, "refresh_token")).await.problem(401, "refresh_reused");
    for token in [&first, &second, &third] {
        me(&world, token).await.problem(401, "session_ended");
    }
    // Each end is told once, however often the copy is shown.
    refresh(&world, text(&first, "refresh_token")).await.problem(401, "refresh_reused");
    let told = world.said::<SessionCompromised>().await;
    assert_eq!(told.len(), 2);
    let expected = SessionCompromised {
        tenant_id: ada.tenant,
        user_id: ada.user,
        session_id: id(&first["session_id"]),
        client_id: None,
        reason: CompromiseReason::RefreshReused,
    };
    assert_eq!(told[1], expected);
    assert_eq!(world.mails("session-compromised", &ada.email).await.len(), 2);
}

#[tokio::test]
async fn a_logout_ends_the_session_at_once() {
    let (world, ada) = World::with_ada().await;
    let (here, there) = (world.log_in(&ada).await, world.log_in(&ada).await);
    let answer = world.server.delete("/v1/sessions/current").bearer(text(&here, "access_token")).await;
    assert_eq!((answer.status, answer.text.as_str()), (204, ""));
    assert!(answer.header("set-cookie").unwrap().starts_with("refresh_token=; Path=/v1/sessions; Max-Age=0;"));
    me(&world, &here).await.problem(401, "session_ended");
    refresh(&world, text(&here, "refresh_token")).await.problem(401, "session_ended");
    me(&world, &here).await.problem(401, "session_ended");
    me(&world, &there).await.expect(200);
}

#[tokio::test]
async fn people_see_and_end_their_own_sessions_only() {
    let world = World::start().await;
    let (ada, eve) = (world.account("ada@acme.test", "Acme").await, world.account("eve@evil.test", "Evil").await);
    let eves = world.log_in(&eve).await;
    let mut adas = Vec::new();
    for _ in 0..3 {
        world.clock.advance(TimeDelta::seconds(1));
        adas.push(world.log_in(&ada).await);
    }
    let token = text(&adas[0], "access_token");
    let first = world.server.get("/v1/sessions?limit=2").bearer(token).await.expect(200);
    let rest = world
        .server
        .get(&format!("/v1/sessions?limit=2&cursor={}", text(&first, "next_cursor")))
        .bearer(token)
        .await
        .expect(200);
    let listed: Vec<&Value> = [&first, &rest]
        .into_iter()
        .flat_map(|page| page["items"].as_array().unwrap())
        .map(|item| &item["id"])
        .collect();
    assert_eq!(listed, adas.iter().map(|session| &session["session_id"]).collect::<Vec<_>>());
    assert_eq!(rest.get("next_cursor"), None);
    world.server.get("/v1/sessions?limit=0&cursor=x").bearer(token).await.invalid(&["limit", "cursor"]);

    let end = async |id: &str| world.server.delete(&format!("/v1/sessions/{id}")).bearer(token).await;
    end(text(&eves, "session_id")).await.problem(404, "session_not_found");
    end("current-or-not").await.problem(404, "not_found");
    for _ in 0..2 {
        assert_eq!(end(text(&adas[1], "session_id")).await.status, 204);
        me(&world, &adas[1]).await.problem(401, "session_ended");
    }
    me(&world, &adas[2]).await.expect(200);
    me(&world, &eves).await.expect(200);
}

#[tokio::test]
async fn sessions_end_by_themselves() {
    let (world, ada) = World::with_ada().await;
    let idle = world.log_in(&ada).await;
    world.clock.advance(TimeDelta::hours(24));
    refresh(&world, text(&idle, "refresh_token")).await.problem(401, "session_ended");
    let mut busy = world.log_in(&ada).await;
    for _ in 0..30 {
        world.clock.advance(TimeDelta::hours(24) - TimeDelta::seconds(10));
        busy = refresh(&world, text(&busy, "refresh_token")).await.expect(200);
    }
    assert_eq!(busy["expires_in"], json!(300), "no token outlives its session");
    world.clock.advance(TimeDelta::seconds(300));
    refresh(&world, text(&busy, "refresh_token")).await.problem(401, "session_ended");
    world.sweep(world.clock.now() + TimeDelta::days(40)).await;
    assert_eq!((world.count("sessions").await, world.count("refresh_tokens").await), (0, 0));
}

#[tokio::test]
async fn a_refresh_heals_a_redis_that_has_forgotten() {
    let (world, ada) = World::with_ada().await;
    let session = world.log_in(&ada).await;
    let key = format!("{}{{{}}}:sess:{}", world.platform.redis_prefix(), ada.tenant, text(&session, "session_id"));
    let removed: u32 = world.platform.redis.clone().del(&key).await.unwrap();
    assert_eq!(removed, 1);
    me(&world, &session).await.problem(401, "session_ended");
    refresh(&world, text(&session, "refresh_token")).await.expect(200);
    me(&world, &session).await.expect(200);
    let seconds: i64 = world.platform.redis.clone().ttl(&key).await.unwrap();
    assert!((600..=660).contains(&seconds), "the key lives as long as a token: {seconds} s");
}

#[tokio::test]
async fn while_redis_is_away_nothing_is_said_that_may_be_untrue() {
    let redis = redis_url_of("auth");
    let link = Link::to(&redis).await;
    let world = World::with(&[("REDIS_URL", link.through(&redis))]).await;
    let ada = world.account("ada@acme.test", "Acme").await;
    let (first, other) = (world.log_in(&ada).await, world.log_in(&ada).await);
    let second = refresh(&world, text(&first, "refresh_token")).await.expect(200);
    world.clock.advance(TimeDelta::seconds(60));
    link.cut();
    let sessions = world.count("sessions").await;
    world
        .server
        .post("/v1/sessions", &json!({"email": ada.email, "password": crate::support::PASSWORD}))
        .await
        .problem(503, "unavailable");
    assert_eq!(world.count("sessions").await, sessions, "a session that nobody can use is not kept");
    let ended = refresh(&world, text(&first, "refresh_token")).await;
    assert_eq!(ended.header("retry-after"), Some("2"));
    ended.problem(503, "unavailable");
    world.server.delete("/v1/sessions/current").bearer(text(&other, "access_token")).await.problem(503, "unavailable");
    link.mend();
    // The family is dead in the database, and the second try makes it so in Redis.
    refresh(&world, text(&first, "refresh_token")).await.problem(401, "refresh_reused");
    me(&world, &second).await.problem(401, "session_ended");
    assert_eq!(world.server.delete("/v1/sessions/current").bearer(text(&other, "access_token")).await.status, 204);
    me(&world, &other).await.problem(401, "session_ended");
}

#[tokio::test]
async fn the_database_knows_which_session_lives() {
    let (world, ada) = World::with_ada().await;
    let (here, there, elsewhere) = (world.log_in(&ada).await, world.log_in(&ada).await, world.platform.tenant());
    let session = text(&there, "session_id");
    let worker = world.worker_token().await;
    let alive = async |tenant| {
        let answer =
            world.server.get(&format!("/internal/sessions/{tenant}/{session}")).bearer(&worker).await.expect(200);
        answer["alive"].as_bool().unwrap()
    };
    assert!(alive(ada.tenant).await && !alive(elsewhere).await);
    let ended = world.server.delete(&format!("/v1/sessions/{session}")).bearer(text(&here, "access_token")).await;
    assert_eq!(ended.status, 204);
    assert!(!alive(ada.tenant).await);
    let idle = world.log_in(&ada).await;
    world.clock.advance(TimeDelta::hours(24));
    let path = format!("/internal/sessions/{}/{}", ada.tenant, text(&idle, "session_id"));
    assert_eq!(world.server.get(&path).bearer(&worker).await.expect(200), json!({"alive": false}));
}
