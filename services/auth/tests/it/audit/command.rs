//! The command that verifies every chain, as a shell runs it.

use super::{actions, client, forge, operator, page, reader, row};
use crate::support::{environment, text};
use base64::{Engine, engine::general_purpose::STANDARD};
use contracts::id::TenantId;
use std::collections::HashMap;
use tokio::process::Command;

/// The exit code, and what was said.
async fn run(variables: &HashMap<String, String>, which: &str) -> (i32, String) {
    auth(variables, &["verify-audit", which]).await
}

async fn auth(variables: &HashMap<String, String>, words: &[&str]) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_auth"));
    let output = command.args(words).env_clear().envs(variables).output().await.unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8(said).unwrap())
}

#[tokio::test]
async fn a_shell_is_told_the_first_row_of_each_chain_that_is_wrong() {
    let (world, ada, token) = reader().await;
    client(&world, &token, "robot").await;
    operator(&world).await;
    let variables = environment(&world.platform);
    let (code, said) = run(&variables, "all").await;
    assert_eq!((code, said.lines().filter(|line| line.contains(": whole, ")).count()), (0, 3), "{said}");
    let (nobody, tenant) = (TenantId(uuid::Uuid::nil()), ada.tenant);
    let (changed, of_platform) = (row(&world, tenant, 4).await, row(&world, nobody, 2).await);
    forge(&world, &format!("UPDATE audit SET actor = 'user:x' WHERE id IN ('{changed}', '{of_platform}')")).await;
    forge(&world, &format!("UPDATE audit SET target = 'x' WHERE tenant_id = '{tenant}' AND version = 5")).await;
    let (code, said) = run(&variables, "all").await;
    assert!(code == 1 && said.contains("chains that are broken: 2"), "{said}");
    assert!(said.contains(&format!("{tenant}: BROKEN at version 4, row {changed}: changed")), "{said}");
    assert!(said.contains(&format!("platform: BROKEN at version 2, row {of_platform}: changed")), "{said}");
    assert_eq!(said.lines().filter(|line| line.contains(": whole, ")).count(), 1, "{said}");
    forge(&world, &format!("DELETE FROM audit WHERE id = '{changed}'")).await;
    let (code, said) = run(&variables, &tenant.to_string()).await;
    assert!(code == 1 && said.contains("BROKEN at version 4, no row: missing"), "{said}");
    assert_eq!(run(&variables, "platform").await.0, 1);
    let (code, said) = run(&variables, "somebody").await;
    assert!(code == 1 && said.contains("none of tenant id, platform, all"), "{said}");
}

#[tokio::test]
async fn what_a_command_changes_the_operator_has_changed() {
    let (world, _, _) = reader().await;
    let olga = operator(&world).await;
    let mut variables = environment(&world.platform);
    let (code, said) = auth(&variables, &["replace-signing-key"]).await;
    assert_eq!(code, 0, "{said}");
    let former = variables.insert("KEY_ENCRYPTION_KEY".into(), STANDARD.encode([7; 32])).unwrap();
    variables.insert("KEY_ENCRYPTION_KEYS_PREVIOUS".into(), former);
    let (code, said) = auth(&variables, &["reseal"]).await;
    assert_eq!(code, 0, "{said}");
    let entries = page(&world, &olga, "of=platform&actor=operator").await;
    let expected =
        ["signing_key.deleted", "signing_key.retired", "signing_key.made", "signing_key.made", "secrets.resealed"];
    assert_eq!(actions(&entries), expected);
    let resealed = &entries["items"][4];
    assert_eq!((text(resealed, "target"), &resealed["after"]["rows"]), ("signing_keys", &serde_json::json!(2)));
    assert_eq!(resealed["origin"], serde_json::json!({"command": "auth"}));
}
