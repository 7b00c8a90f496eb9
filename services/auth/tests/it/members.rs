//! Removal of members: nothing of theirs works any more when it is answered.

use crate::{
    elsewhere,
    support::{Account, PASSWORD, World, text},
};
use chrono::TimeDelta;
use reqwest::StatusCode;
use serde_json::{Value, json};
use test_support::{Link, TestAnswer, eventually, redis_url_of};

const BOB: &str = "bob@acme.test";

/// Ada may remove members, Bob is one.
struct Team {
    world: World,
    ada: Account,
    token: String,
    bob: Account,
}

impl Team {
    async fn of(world: World) -> Self {
        let (ada, token) = world
            .signed_in("ada@acme.test", "Acme", &["auth.inviteMembers", "auth.readMembers", "auth.writeMembers"])
            .await;
        let bob = world.joins(&ada, &token, BOB).await;
        world.allow(&bob, &["auth.inviteMembers", "auth.readMembers"]).await;
        Self { world, ada, token, bob }
    }

    async fn start() -> Self {
        Self::of(World::start().await).await
    }

    async fn remove(&self) -> TestAnswer {
        self.world.server.delete(&format!("/v1/members/{}", self.bob.user)).bearer(&self.token).await
    }

    async fn end_sessions(&self) -> TestAnswer {
        self.world.server.delete(&format!("/v1/members/{}/sessions", self.bob.user)).bearer(&self.token).await
    }

    async fn log_in(&self) -> TestAnswer {
        let body = json!({"email": BOB, "password": PASSWORD, "tenant_id": self.ada.tenant});
        self.world.server.post("/v1/sessions", &body).await
    }

    async fn members(&self, token: &str) -> TestAnswer {
        self.world.server.get("/v1/members").bearer(token).await
    }

    async fn refresh(&self, session: &Value) -> TestAnswer {
        self.world.server.post("/v1/sessions/refresh", &json!({"refresh_token": session["refresh_token"]})).await
    }

    async fn key(&self, session: &Value) -> String {
        let body = json!({"name": "laptop", "permissions": ["auth.readMembers"]});
        text(
            &self.world.server.post("/v1/api-keys", &body).bearer(text(session, "access_token")).await.expect(201),
            "secret",
        )
        .to_owned()
    }

    async fn rejoin(&self) {
        let query = "INSERT INTO memberships (id, tenant_id, user_id, joined_at) VALUES ($1, $2, $3, now())";
        let insert =
            sqlx::query(query).bind(self.world.platform.ambient.uuid()).bind(self.ada.tenant.0).bind(self.bob.user.0);
        insert.execute(&self.world.platform.pool).await.unwrap();
    }
}

#[tokio::test]
async fn nothing_of_a_removed_member_works_anywhere() {
    let team = Team::start().await;
    let (world, url) = (&team.world, elsewhere::serve(&team.world).await);
    let (first, second) = (team.log_in().await.expect(201), team.log_in().await.expect(201));
    let (used, unused) = (team.key(&first).await, team.key(&first).await);
    let tokens = [text(&first, "access_token"), text(&second, "access_token"), used.as_str()];
    let anybody = format!("{url}/anybody");
    for token in tokens {
        team.members(token).await.expect(200);
        assert_eq!(elsewhere::ask(&anybody, token).await.0, StatusCode::OK);
    }
    // A way back that he has prepared, and one that was open for him.
    let invite = async |by: &str, email: &str| {
        world.server.post("/v1/invitations", &json!({"email": email})).bearer(by).await.expect(202)
    };
    invite(tokens[0], "bob-again@acme.test").await;
    let back = world.link("invitation", "bob-again@acme.test").await;
    let membership: sqlx::types::Uuid = sqlx::query_scalar("SELECT id FROM memberships WHERE user_id = $1")
        .bind(team.bob.user.0)
        .fetch_one(&world.platform.pool)
        .await
        .unwrap();

    assert_eq!(team.remove().await.status, 204);
    for token in [tokens[0], tokens[1]] {
        team.members(token).await.problem(401, "session_ended");
        assert_eq!(elsewhere::ask(&anybody, token).await.0, StatusCode::UNAUTHORIZED);
    }
    for key in [&used, &unused] {
        team.members(key).await.problem(401, "api_key_invalid");
        assert_eq!(elsewhere::ask(&anybody, key).await.0, StatusCode::UNAUTHORIZED);
    }
    for session in [&first, &second] {
        team.refresh(session).await.problem(401, "session_ended");
    }
    team.log_in().await.problem(403, "not_a_member");
    world.server.post(&back, &json!({"display_name": "Bob", "password": PASSWORD})).await.problem(410, "link_used");
    let removals = world.platform.issuer.removals();
    let told = removals
        .iter()
        .map(|removal| (removal.principal.to_string(), removal.by.to_string(), removal.id))
        .collect::<Vec<_>>();
    assert_eq!(told, [(format!("user:{}", team.bob.user), format!("user:{}", team.ada.user), membership)]);
    assert_eq!((world.count("removals").await, world.count("memberships").await), (0, 1));
    team.remove().await.problem(404, "member_not_found");
    team.members(&team.token).await.expect(200);
}

#[tokio::test]
async fn who_is_removed_keeps_what_they_have_elsewhere_and_may_come_back() {
    let team = Team::start().await;
    let eve = team.world.account("eve@evil.test", "Evil").await;
    team.world.joins(&team.ada, &team.token, &eve.email).await;
    let own = team.world.log_in(&eve).await;
    let there = json!({"email": eve.email, "password": PASSWORD, "tenant_id": team.ada.tenant});
    let at_acme = team.world.server.post("/v1/sessions", &there).await.expect(201);
    let me = async |session: &Value| team.world.server.get("/v1/me").bearer(text(session, "access_token")).await;
    let removed = team.world.server.delete(&format!("/v1/members/{}", eve.user)).bearer(&team.token).await;
    assert_eq!(removed.status, 204);
    me(&at_acme).await.problem(401, "session_ended");
    let tenants = me(&own).await.expect(200)["tenants"].clone();
    assert_eq!(tenants, json!([{"id": eve.tenant, "name": "Evil"}]));
    team.world.joins(&team.ada, &team.token, &eve.email).await;
    team.world.server.post("/v1/sessions", &there).await.expect(201);
    me(&at_acme).await.problem(401, "session_ended");
}

#[tokio::test]
async fn who_may_not_remove_changes_nothing() {
    let team = Team::start().await;
    let world = &team.world;
    let (_, eves) = world
        .signed_in("eve@evil.test", "Evil", &["auth.inviteMembers", "auth.readMembers", "auth.writeMembers"])
        .await;
    let bobs = team.log_in().await.expect(201);
    for path in [format!("/v1/members/{}", team.bob.user), format!("/v1/members/{}/sessions", team.bob.user)] {
        let delete = async |token: &str| world.server.delete(&path).bearer(token).await;
        delete(&eves).await.problem(404, "member_not_found");
        delete(text(&bobs, "access_token")).await.problem(403, "permission_missing");
        world.allow(&team.ada, &["auth.writeMembers"]).await;
        delete(&team.token).await.problem(403, "escalation");
        world.allow(&team.ada, &["auth.inviteMembers", "auth.readMembers", "auth.writeMembers"]).await;
        let body =
            json!({"name": "script", "permissions": ["auth.inviteMembers", "auth.readMembers", "auth.writeMembers"]});
        let key = world.server.post("/v1/api-keys", &body).bearer(&team.token).await.expect(201);
        delete(text(&key, "secret")).await.problem(403, "user_session_required");
        world
            .server
            .delete(&path.replace(&team.bob.user.to_string(), "nobody"))
            .bearer(&team.token)
            .await
            .problem(404, "not_found");
    }
    team.members(text(&bobs, "access_token")).await.expect(200);
    assert_eq!((world.count("removals").await, world.platform.issuer.removals().len()), (0, 0));
}

#[tokio::test]
async fn the_last_owner_stays_and_others_may_leave_by_themselves() {
    let team = Team::start().await;
    let world = &team.world;
    let last = contracts::id::Principal::User(team.ada.user);
    world.platform.issuer.keep_as_last_owner(team.ada.tenant, &last, true);
    let leave = async |token: &str| world.server.delete("/v1/members/me").bearer(token).await;
    let own = format!("/v1/members/{}", team.ada.user);
    for answer in [leave(&team.token).await, world.server.delete(&own).bearer(&team.token).await] {
        answer.problem(409, "last_owner");
        team.members(&team.token).await.expect(200);
    }
    assert_eq!((world.count("removals").await, world.count("memberships").await), (0, 2));
    let bobs = team.log_in().await.expect(201);
    assert_eq!(leave(text(&bobs, "access_token")).await.status, 204);
    team.members(text(&bobs, "access_token")).await.problem(401, "session_ended");
    team.log_in().await.problem(403, "not_a_member");
}

#[tokio::test]
async fn a_removal_that_the_permission_service_missed_goes_on_by_itself() {
    let (world, link) = World::behind_a_link("PERMISSION_URL").await;
    let team = Team::of(world).await;
    let bobs = team.log_in().await.expect(201);
    // Asked whether Ada may is one question, told what to end is another: it goes away between the two.
    let mut wall = team.world.platform.pool.begin().await.unwrap();
    sqlx::raw_sql("LOCK TABLE removals IN ACCESS EXCLUSIVE MODE").execute(&mut *wall).await.unwrap();
    let path = format!("/v1/members/{}", team.bob.user);
    let removal = tokio::spawn(team.world.server.delete(&path).bearer(&team.token).send());
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
                   AND wait_event_type = 'Lock' AND query LIKE 'INSERT INTO removals%'";
    eventually("the removal is about to be noted", async || {
        (sqlx::query_scalar::<_, i64>(waiting).fetch_one(&team.world.platform.pool).await.unwrap() == 1).then_some(())
    })
    .await;
    link.cut();
    wall.rollback().await.unwrap();
    let refusal = removal.await.unwrap();
    assert!(refusal.header("retry-after").is_some());
    refusal.problem(503, "removal_unconfirmed");
    assert_eq!((team.world.count("removals").await, team.world.platform.issuer.removals().len()), (1, 0));
    link.mend();
    team.world.clock.advance(TimeDelta::seconds(31));
    eventually("the removal is complete", async || (team.world.count("removals").await == 0).then_some(())).await;
    team.members(text(&bobs, "access_token")).await.problem(401, "session_ended");
    team.log_in().await.problem(403, "not_a_member");
    assert_eq!(team.world.platform.issuer.removals().len(), 1);
}

#[tokio::test]
async fn a_removal_that_redis_missed_is_not_answered_until_it_is_complete() {
    let redis = redis_url_of("auth");
    let link = Link::to(&redis).await;
    let team = Team::of(World::with(&[("REDIS_URL", link.through(&redis))]).await).await;
    let bobs = team.log_in().await.expect(201);
    // Its last step waits, and then Redis is away.
    let mut wall = team.world.platform.pool.begin().await.unwrap();
    sqlx::raw_sql("LOCK TABLE api_keys IN ACCESS EXCLUSIVE MODE").execute(&mut *wall).await.unwrap();
    let path = format!("/v1/members/{}", team.bob.user);
    let removal = tokio::spawn(team.world.server.delete(&path).bearer(&team.token).send());
    eventually("the permission service was told", async || {
        (team.world.platform.issuer.removals().len() == 1).then_some(())
    })
    .await;
    link.cut();
    wall.rollback().await.unwrap();
    removal.await.unwrap().problem(503, "removal_unconfirmed");
    assert_eq!((team.world.count("removals").await, team.world.count("memberships").await), (1, 1));
    link.mend();
    team.world.clock.advance(TimeDelta::seconds(1));
    team.log_in().await.problem(403, "not_a_member");
    eventually("the repetition is answered", async || (team.remove().await.status == 204).then_some(())).await;
    team.members(text(&bobs, "access_token")).await.problem(401, "session_ended");
    assert_eq!(team.world.count("removals").await, 0);
}

#[tokio::test]
async fn a_log_in_that_overlaps_with_the_removal_leaves_no_session() {
    let team = Team::start().await;
    let kept = team.log_in().await.expect(201);
    for _ in 0..10 {
        let (before, removed, after) = tokio::join!(team.log_in(), team.remove(), team.log_in());
        assert_eq!(removed.status, 204);
        for session in [before, after] {
            if session.status == 201 {
                team.members(text(&session.json, "access_token")).await.problem(401, "session_ended");
                team.refresh(&session.json).await.problem(401, "session_ended");
            } else {
                session.problem(403, "not_a_member");
            }
        }
        let alive = "SELECT count(*) FROM sessions WHERE user_id = $1 AND ended_at IS NULL";
        assert_eq!(
            sqlx::query_scalar::<_, i64>(alive)
                .bind(team.bob.user.0)
                .fetch_one(&team.world.platform.pool)
                .await
                .unwrap(),
            0
        );
        team.rejoin().await;
    }
    team.members(text(&kept, "access_token")).await.problem(401, "session_ended");
}

#[tokio::test]
async fn a_removal_waits_for_a_log_in_that_is_in_the_middle_of_it() {
    let team = Team::start().await;
    let mut wall = team.world.platform.pool.begin().await.unwrap();
    sqlx::raw_sql("LOCK TABLE refresh_tokens IN EXCLUSIVE MODE").execute(&mut *wall).await.unwrap();
    let waiting =
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    let waiting = async || sqlx::query_scalar::<_, i64>(waiting).fetch_one(&team.world.platform.pool).await.unwrap();
    let credentials = json!({"email": BOB, "password": PASSWORD, "tenant_id": team.ada.tenant});
    let session = tokio::spawn(team.world.server.post("/v1/sessions", &credentials).send());
    eventually("the log-in is in the middle of it", async || (waiting().await == 1).then_some(())).await;
    let removal =
        tokio::spawn(team.world.server.delete(&format!("/v1/members/{}", team.bob.user)).bearer(&team.token).send());
    eventually("the removal waits", async || (removal.is_finished() || waiting().await == 2).then_some(())).await;
    wall.rollback().await.unwrap();
    assert_eq!(removal.await.unwrap().status, 204);
    let session = session.await.unwrap().expect(201);
    team.members(text(&session, "access_token")).await.problem(401, "session_ended");
    team.refresh(&session).await.problem(401, "session_ended");
}

#[tokio::test]
async fn a_members_sessions_end_at_once_and_nothing_else() {
    let team = Team::start().await;
    let (first, second) = (team.log_in().await.expect(201), team.log_in().await.expect(201));
    let key = team.key(&first).await;
    team.members(&key).await.expect(200);
    for _ in 0..2 {
        assert_eq!(team.end_sessions().await.status, 204);
        for session in [&first, &second] {
            team.members(text(session, "access_token")).await.problem(401, "session_ended");
            team.refresh(session).await.problem(401, "session_ended");
        }
    }
    team.members(&key).await.expect(200);
    team.members(&team.token).await.expect(200);
    let again = team.log_in().await.expect(201);
    team.members(text(&again, "access_token")).await.expect(200);
}

#[tokio::test]
async fn sessions_that_redis_did_not_hear_of_end_with_the_repetition() {
    let team = Team::start().await;
    let bobs = team.log_in().await.expect(201);
    // The rows say that they have ended, Redis that they live: as after a crash between the two.
    let ended = "UPDATE sessions SET ended_at = $2, end_reason = 'ended_by_tenant' WHERE user_id = $1";
    sqlx::query(ended)
        .bind(team.bob.user.0)
        .bind(team.world.clock.now())
        .execute(&team.world.platform.pool)
        .await
        .unwrap();
    team.members(text(&bobs, "access_token")).await.expect(200);
    team.world.clock.advance(TimeDelta::minutes(1));
    assert_eq!(team.end_sessions().await.status, 204);
    team.members(text(&bobs, "access_token")).await.problem(401, "session_ended");
}
