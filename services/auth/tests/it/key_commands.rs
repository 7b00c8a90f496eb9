//! The commands of whoever looks after the keys, as a shell runs them.

use crate::support::{World, environment};
use base64::{Engine, engine::general_purpose::STANDARD};
use std::collections::HashMap;
use tokio::process::Command;

/// Whether the command succeeded, and what it said.
async fn run(variables: &HashMap<String, String>, words: &[&str]) -> (bool, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_auth"));
    let output = command.args(words).env_clear().envs(variables).output().await.unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(said).unwrap())
}

/// The ids of the keys and what is said of each.
fn keys(said: &str) -> Vec<(&str, &str)> {
    said.lines().filter_map(|line| line.split_once(' ')).collect()
}

#[tokio::test]
async fn a_shell_shows_and_changes_the_keys() {
    let world = World::start().await;
    world.server.get("/.well-known/jwks.json").await.expect(200);
    let mut variables = environment(&world.platform);
    let (_, before) = run(&variables, &["signing-keys"]).await;
    let [(old, current), (_, next)] = keys(&before)[..] else { panic!("{before}") };
    assert!(current.starts_with("current, signs since 20") && next.starts_with("next, may sign from 20"), "{before}");

    let (rotated, said) = run(&variables, &["rotate-signing-key"]).await;
    assert!(!rotated && said.contains("the next key may sign from"), "{said}");
    let (replaced, said) = run(&variables, &["replace-signing-key"]).await;
    assert!(replaced && keys(&said).iter().any(|(kid, said)| *kid == old && said.starts_with("previous")), "{said}");
    let (revoked, said) = run(&variables, &["revoke-signing-key", old]).await;
    assert!(revoked && !said.contains(old) && said.contains("in 60 seconds at the latest"), "{said}");
    let (revoked, said) = run(&variables, &["revoke-signing-key", old]).await;
    assert!(!revoked && said.contains("there is no signing key"), "{said}");

    let former = variables.insert("KEY_ENCRYPTION_KEY".into(), STANDARD.encode([7; 32])).unwrap();
    let (resealed, said) = run(&variables, &["reseal"]).await;
    assert!(!resealed && said.contains("2 rows open under none of the keys"), "{said}");
    variables.insert("KEY_ENCRYPTION_KEYS_PREVIOUS".into(), former);
    let (resealed, said) = run(&variables, &["reseal"]).await;
    assert!(resealed && said.starts_with("2 rows were resealed; all 2 are under KEY_ENCRYPTION_KEY."), "{said}");
}
