//! API keys that came to light: found by their checksum, and revoked for whoever shows them.

use crate::support::{World, text, variable};
use access::token::ApiKey;
use common::ambient::Ambient;
use contracts::id::ApiKeyId;
use serde_json::{Value, json};
use std::process::{Command, Output};
use test_support::TestAnswer;

const REPORT: &str = "/v1/leaked-api-keys";

async fn report(world: &World, text: &str) -> TestAnswer {
    world.server.post(REPORT, &json!({"text": text})).await
}

/// Ada with a key that works.
async fn with_key() -> (World, String, Value) {
    let world = World::start().await;
    let (_, token) = world.signed_in("ada@acme.test", "Acme", &["auth.readMembers"]).await;
    let body = json!({"name": "spreadsheet", "permissions": ["auth.readMembers"]});
    let made = world.server.post("/v1/api-keys", &body).bearer(&token).await.expect(201);
    (world, token, made)
}

fn unknown() -> ApiKey {
    let ambient = Ambient::system();
    ApiKey::new(ApiKeyId(ambient.uuid()), ambient.bytes())
}

#[tokio::test]
async fn a_key_that_somebody_shows_is_refused_at_once_and_its_owner_is_told() {
    let (world, token, made) = with_key().await;
    let key = text(&made, "secret");
    world.server.get("/v1/members").bearer(key).await.expect(200);
    let found = format!("+ curl -H 'Authorization: Bearer {key}'\n+ {key}\n+ {}\n", unknown().expose());
    assert_eq!(report(&world, &found).await.expect(200), json!({"found": 2, "revoked": 1}));
    world.server.get("/v1/members").bearer(key).await.problem(401, "api_key_invalid");
    let [mail] = &world.mails("api-key-leaked", "ada@acme.test").await[..] else { panic!("one mail") };
    assert_eq!((variable(mail, "name"), variable(mail, "tenant_name")), (json!("spreadsheet"), json!("Acme")));
    assert!(!serde_json::to_string(mail).unwrap().contains(key));
    // Again: nothing more to do, and nobody is told again.
    assert_eq!(report(&world, key).await.expect(200), json!({"found": 1, "revoked": 1}));
    assert_eq!(world.mails("api-key-leaked", "ada@acme.test").await.len(), 1);
    let own = world.server.get("/v1/api-keys").bearer(&token).await.expect(200);
    assert_eq!(own["items"], json!([]));
}

#[tokio::test]
async fn while_redis_is_away_all_of_them_are_revoked_where_others_ask_then() {
    let (world, link) = World::behind_a_link("REDIS_URL").await;
    let (_, token) = world.signed_in("ada@acme.test", "Acme", &["auth.readMembers"]).await;
    let mut found = String::new();
    for name in ["one", "two", "three"] {
        let body = json!({"name": name, "permissions": ["auth.readMembers"]});
        let made = world.server.post("/v1/api-keys", &body).bearer(&token).await.expect(201);
        // Each twice: it is still one.
        found += &text(&made, "secret").repeat(2);
    }
    link.cut();
    report(&world, &found).await.problem(503, "unavailable");
    let open = "SELECT count(*) FROM api_keys WHERE revoked_at IS NULL";
    assert_eq!(sqlx::query_scalar::<_, i64>(open).fetch_one(&world.platform.pool).await.unwrap(), 0);
    link.mend();
    let told = test_support::eventually("Redis is back", async || {
        let answer = report(&world, &found).await;
        (answer.status == 200).then(|| answer.expect(200))
    });
    assert_eq!(told.await, json!({"found": 3, "revoked": 3}));
}

#[tokio::test]
async fn who_knows_only_a_part_of_a_key_revokes_nothing() {
    let (world, _, made) = with_key().await;
    let key = text(&made, "secret");
    let id: ApiKeyId = text(&made["api_key"], "id").parse().unwrap();
    // The right id, and a secret made up: sound by its checksum.
    let guessed = ApiKey::new(id, [7; 32]);
    assert_eq!(report(&world, guessed.expose()).await.expect(200), json!({"found": 1, "revoked": 0}));
    assert_eq!(report(&world, &key[..key.len() - 1]).await.expect(200), json!({"found": 0, "revoked": 0}));
    world.server.get("/v1/members").bearer(key).await.expect(200);
    assert!(world.mails("api-key-leaked", "ada@acme.test").await.is_empty());
}

#[tokio::test]
async fn reports_have_a_form_and_limits() {
    let (world, _, made) = with_key().await;
    world.server.post(REPORT, &json!({})).await.invalid(&["text"]);
    assert_eq!(report(&world, &unknown().expose().repeat(200)).await.expect(200)["found"], 1);
    let many: String = (0..101).map(|_| unknown().expose().to_owned()).collect();
    report(&world, &many).await.invalid(&["text"]);
    let (mut refused, key) = (None, text(&made, "secret"));
    for _ in 0..70 {
        let answer = report(&world, "nothing").await;
        if answer.status == 429 {
            refused = answer.header("retry-after").map(str::to_owned);
            break;
        }
    }
    assert!(refused.is_some());
    world.server.get("/v1/members").bearer(key).await.expect(200);
}

fn find(path: &std::path::Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_auth")).arg("find-api-keys").arg(path).env_clear().output().unwrap()
}

#[test]
fn a_command_names_the_lines_in_which_a_key_stands() {
    let folder = std::env::temp_dir().join(format!("keys-{}", Ambient::system().uuid()));
    std::fs::create_dir_all(folder.join("src")).unwrap();
    std::fs::write(folder.join("README.md"), "slk_ begins a key\n").unwrap();
    let clean = find(&folder);
    assert!(clean.status.success() && clean.stdout.is_empty(), "{clean:?}");
    let (first, second) = (unknown(), unknown());
    // One that lies across what is read at once, behind what is no text.
    let mut long = vec![0xff; (1 << 20) - 50];
    long.extend(format!("\n{}", first.expose()).bytes());
    std::fs::write(folder.join("src/dump"), long).unwrap();
    std::fs::write(folder.join("src/main.rs"), format!("fn main() {{\n    // {}\n}}\n", second.expose())).unwrap();
    let found = find(&folder);
    std::fs::remove_dir_all(&folder).unwrap();
    let said = String::from_utf8(found.stdout).unwrap();
    assert!(!found.status.success() && said.lines().count() == 2, "{said}");
    assert!(said.contains(&format!("src/dump:2: API key {}", first.id())), "{said}");
    assert!(said.contains(&format!("src/main.rs:2: API key {}", second.id())), "{said}");
    assert!(!said.contains(first.expose()) && !said.contains(second.expose()), "the key itself stays where it is");
    let missing = find(&folder);
    assert!(!missing.status.success() && !missing.stderr.is_empty(), "{missing:?}");
}
