//! Whether an address has an account: nobody finds out by what is answered, nor by how long it takes.

use crate::support::{World, registration};
use serde_json::{Value, json};
use std::time::Instant;
use test_support::TestAnswer;

/// Samples of each kind of address. With so many, a difference of four fifths of the spread is found.
const SAMPLES: usize = 90;
/// Standard deviations of U that chance reaches once in some 3 million runs.
const BY_CHANCE: f64 = 5.0;

/// Requests for each kind of address: two for known ones, which must not differ either, and one for unknown ones.
const KINDS: [&str; 3] = ["known", "control", "unknown"];
/// In turns, so that what else the machine does falls on all alike; and in each order, as what one request leaves to be
/// done falls on the next.
const ORDERS: [[usize; 3]; 6] = [[0, 1, 2], [2, 1, 0], [1, 2, 0], [0, 2, 1], [2, 0, 1], [1, 0, 2]];

/// Microseconds that each answer took, by kind.
#[derive(Default)]
struct Samples([Vec<f64>; 3]);

/// auth where nothing waits, with an account for each sample of a kind.
async fn crowded() -> World {
    let world = World::with(&[("SOURCE_LIMIT_FACTOR", "10000".into())]).await;
    world.account(&address("known", 0), "Acme").await;
    let copies = "
        INSERT INTO users (id, email, display_name, password_hash, created_at)
        SELECT gen_random_uuid(), kind || n || '@acme.test', display_name, password_hash, created_at
        FROM users, unnest(ARRAY['known', 'control']) AS kind, generate_series(0, $1) AS n ON CONFLICT DO NOTHING";
    sqlx::query(copies).bind(i32::try_from(SAMPLES).unwrap()).execute(&world.platform.pool).await.unwrap();
    world
}

fn address(kind: &str, number: usize) -> String {
    format!("{kind}{number}@acme.test")
}

/// What every answer is, and how many microseconds each took.
async fn sample(send: impl AsyncFn(String) -> TestAnswer) -> (Value, Samples) {
    let (mut samples, mut answers) = (Samples::default(), Vec::new());
    for number in 0..SAMPLES {
        for kind in ORDERS[number % ORDERS.len()] {
            let (address, began) = (address(KINDS[kind], number), Instant::now());
            let answer = send(address).await;
            samples.0[kind].push(began.elapsed().as_secs_f64() * 1e6);
            answers.push(seen(answer));
        }
    }
    let first = answers[0].clone();
    assert!(answers.iter().all(|answer| *answer == first), "{answers:?}");
    (first, samples)
}

/// What a caller sees of an answer, but for what differs each time.
fn seen(answer: TestAnswer) -> Value {
    let mut headers: Vec<_> = answer.headers.keys().map(ToString::to_string).collect();
    headers.sort_unstable();
    let mut body = answer.json;
    if let Some(id) = body.get_mut("request_id") {
        id.take();
    }
    json!({"status": answer.status, "headers": headers, "body": body, "length": body.to_string().len()})
}

/// How far apart two samples are: Mann and Whitney's U, in its standard deviations from what it is on average for
/// samples of one distribution.
fn apart(one: &[f64], other: &[f64]) -> f64 {
    let (n, m) = (one.len() as f64, other.len() as f64);
    let greater: f64 = one.iter().map(|a| other.iter().filter(|b| a > b).count() as f64).sum();
    (greater - n * m / 2.0) / (n * m * (n + m + 1.0) / 12.0).sqrt()
}

impl Samples {
    #[track_caller]
    fn assert_alike(&self, what: &str) {
        let Self([known, control, unknown]) = self;
        let medians = self.0.each_ref().map(|times| median(times).round());
        let (control, unknown) = (apart(known, control), apart(known, unknown));
        let told = format!(
            "{what}: known and unknown are {unknown:.1} standard deviations apart, known and known {control:.1}; \
             medians of known, known, unknown: {medians:?} µs"
        );
        assert!(unknown.abs() < BY_CHANCE + control.abs(), "{told}");
    }
}

fn median(times: &[f64]) -> f64 {
    let mut times = times.to_vec();
    times.sort_unstable_by(f64::total_cmp);
    times[times.len() / 2]
}

#[tokio::test]
async fn a_log_in_answers_alike_in_the_same_time() {
    let world = crowded().await;
    let (answer, samples) = sample(async |email| {
        world.server.post("/v1/sessions", &json!({"email": email, "password": "not the right password"})).await
    })
    .await;
    assert_eq!((&answer["status"], &answer["body"]["code"]), (&json!(401), &json!("credentials_wrong")));
    samples.assert_alike("log-in");
}

#[tokio::test]
async fn a_registration_answers_alike_in_the_same_time() {
    let world = crowded().await;
    let (answer, samples) =
        sample(async |email| world.server.post("/v1/users", &registration(&email, "Again")).await).await;
    assert_eq!(answer["status"], 202);
    samples.assert_alike("registration");
    assert_eq!(world.mails("account-exists", &address("known", 1)).await.len(), 1);
    assert_eq!(world.mails("verify-email", &address("unknown", 1)).await.len(), 1);
    assert_eq!(world.mails("verify-email", &address("known", 1)).await.len(), 0);
}

#[tokio::test]
async fn a_request_for_a_new_password_answers_alike_in_the_same_time() {
    let world = crowded().await;
    let (answer, samples) =
        sample(async |email| world.server.post("/v1/password-resets", &json!({"email": email})).await).await;
    assert_eq!(answer["status"], 202);
    samples.assert_alike("reset");
}

/// What a tenant learns by inviting is who is its own member.
#[tokio::test]
async fn an_invitation_answers_alike_in_the_same_time() {
    let world = crowded().await;
    let (_, token) = world.signed_in("inviter@acme.test", "Inviters", &["auth.inviteMembers"]).await;
    let (answer, samples) = sample(async |email| {
        // A tenant may not invite so many.
        let forget = "UPDATE invitations SET asked_at = now() - interval '2 days', ended_at = now()";
        sqlx::raw_sql(forget).execute(&world.platform.pool).await.unwrap();
        let mut answer = world.server.post("/v1/invitations", &json!({"email": email})).bearer(&token).await;
        assert_eq!(answer.json["email"], email);
        answer.json = json!({"members": answer.json.as_object().unwrap().keys().collect::<Vec<_>>()});
        answer
    })
    .await;
    assert_eq!(answer["status"], 202);
    samples.assert_alike("invitation");
}

#[test]
fn a_difference_is_found_and_chance_is_not() {
    let times = |shift: f64| (0..SAMPLES).map(|n| (n * 7919 % 101) as f64 + shift).collect::<Vec<_>>();
    assert!(apart(&times(0.0), &times(0.0)).abs() < 1.0);
    assert!(apart(&times(60.0), &times(0.0)) > BY_CHANCE && apart(&times(0.0), &times(60.0)) < -BY_CHANCE);
}
