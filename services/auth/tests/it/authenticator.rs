//! An authenticator app, as a person has one on the telephone, and the steps of enrolling it.

use crate::support::{Account, PASSWORD, World, text};
use aws_lc_rs::hmac::{HMAC_SHA1_FOR_LEGACY_USE_ONLY, Key, sign};
use chrono::TimeDelta;
use serde_json::{Value, json};
use test_support::TestAnswer;

pub const FACTORS: &str = "/v1/me/second-factors";
const STEP: TimeDelta = TimeDelta::seconds(30);

/// It shows the codes of RFC 6238 at the clock of the world.
pub struct App {
    secret: Vec<u8>,
}

/// Somebody with an app, who is logged in by the password and it.
pub struct Enrolled {
    pub account: Account,
    pub app: App,
    pub recovery_codes: Vec<String>,
    /// By whose log-in it was enrolled; it has shown a second factor by that.
    pub session: Value,
}

impl App {
    pub fn new(begun: &Value) -> Self {
        let digit = |c: char| u32::try_from("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".find(c).expect("base32")).unwrap();
        let bits: String = text(begun, "secret").chars().map(|c| format!("{:05b}", digit(c))).collect();
        let byte = |bits: &[u8]| u8::from_str_radix(str::from_utf8(bits).unwrap(), 2).unwrap();
        Self { secret: bits.as_bytes().chunks_exact(8).map(byte).collect() }
    }

    /// The code of the present half minute, or of one so many later.
    pub fn code(&self, world: &World, later: i64) -> String {
        let step = world.clock.now().timestamp() / STEP.num_seconds() + later;
        let hash = sign(&Key::new(HMAC_SHA1_FOR_LEGACY_USE_ONLY, &self.secret), &step.to_be_bytes());
        let hash = hash.as_ref();
        let offset = usize::from(hash[19] & 0xf);
        let number = u32::from_be_bytes(hash[offset..offset + 4].try_into().unwrap()) & 0x7fff_ffff;
        format!("{:06}", number % 1_000_000)
    }

    /// The code of a half minute that has not come before.
    pub fn next_code(&self, world: &World) -> String {
        world.clock.advance(STEP);
        self.code(world, 0)
    }

    /// A code that is none of those that are taken now.
    pub fn wrong_code(&self, world: &World) -> String {
        let right: Vec<_> = (-1..=1).map(|later| self.code(world, later)).collect();
        (0..).map(|number| format!("{number:06}")).find(|code| !right.contains(code)).unwrap()
    }
}

impl Enrolled {
    pub async fn ada() -> (World, Self) {
        let (world, ada) = World::with_ada().await;
        let enrolled = Self::by(&world, ada).await;
        (world, enrolled)
    }

    pub async fn by(world: &World, account: Account) -> Self {
        let session = world.log_in(&account).await;
        let app = App::new(&begin(world, &session).await.expect(200));
        let confirmed = confirm(world, &session, &app.code(world, 0)).await.expect(200);
        let recovery_codes = serde_json::from_value(confirmed["recovery_codes"].clone()).unwrap();
        let refresh = json!({"refresh_token": session["refresh_token"]});
        let session = world.server.post("/v1/sessions/refresh", &refresh).await.expect(200);
        Self { account, app, recovery_codes, session }
    }

    /// The challenge of a log-in by the password.
    pub async fn challenge(&self, world: &World) -> String {
        text(&password(world, &self.account.email).await.expect(202), "challenge").to_owned()
    }

    /// A log-in by the password and the app.
    pub async fn log_in(&self, world: &World) -> Value {
        let challenge = self.challenge(world).await;
        by_code(world, &challenge, &self.app.next_code(world)).await.expect(201)
    }
}

pub async fn password(world: &World, email: &str) -> TestAnswer {
    world.server.post("/v1/sessions", &json!({"email": email, "password": PASSWORD})).await
}

pub async fn by_code(world: &World, challenge: &str, code: &str) -> TestAnswer {
    complete(world, challenge, json!({"method": "totp", "code": code})).await
}

pub async fn complete(world: &World, challenge: &str, proof: Value) -> TestAnswer {
    world.server.post("/v1/sessions/second-factor", &json!({"challenge": challenge, "proof": proof})).await
}

pub async fn begin(world: &World, session: &Value) -> TestAnswer {
    send(world, session, reqwest::Method::POST, "/totp").await
}

pub async fn confirm(world: &World, session: &Value, code: &str) -> TestAnswer {
    let path = format!("{FACTORS}/totp/confirmation");
    world.server.post(&path, &json!({"code": code})).bearer(text(session, "access_token")).await
}

/// A request of a factor without a body.
pub async fn send(world: &World, session: &Value, method: reqwest::Method, path: &str) -> TestAnswer {
    world.server.request(method, &format!("{FACTORS}{path}")).bearer(text(session, "access_token")).await
}

pub async fn step_up(world: &World, session: &Value, shown: Value) -> TestAnswer {
    world.server.post("/v1/sessions/current/step-up", &shown).bearer(text(session, "access_token")).await
}

pub async fn me(world: &World, session: &Value) -> TestAnswer {
    world.server.get("/v1/me").bearer(text(session, "access_token")).await
}
