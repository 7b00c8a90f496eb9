//! The command that makes the first operator.

use crate::support::{World, environment, text};
use auth::operator::{Seed, seed};
use common::config::Env;
use contracts::messages::{MemberJoined, TenantCreated, TenantKind};
use serde_json::json;

const PASSWORD: &str = "the keys to the whole house";

fn read(world: &World, email: &str, password: &str) -> Result<Seed, String> {
    let mut variables = environment(&world.platform);
    variables.extend([
        ("OPERATOR_EMAIL".to_owned(), email.to_owned()),
        ("OPERATOR_PASSWORD".to_owned(), password.to_owned()),
    ]);
    let mut env = Env::new(variables);
    let seed = Seed::read(&mut env);
    env.finish(seed).map_err(|faults| faults.to_string())
}

#[tokio::test]
async fn seeding_twice_makes_one_operator_who_can_log_in() {
    let world = World::start().await;
    for password in [PASSWORD, "another one does not replace it"] {
        seed(read(&world, "root@platform.test", password).unwrap()).await.unwrap();
    }
    let created = world.said::<TenantCreated>().await;
    assert_eq!((created.len(), created[0].kind, created[0].name.as_str()), (1, TenantKind::Platform, "Platform"));
    let session = world
        .server
        .post("/v1/sessions", &json!({"email": "root@platform.test", "password": PASSWORD}))
        .await
        .expect(201);
    assert_eq!(session["tenant"], json!({"id": created[0].tenant_id, "name": "Platform"}));
    assert_eq!(text(&session["user"], "id"), created[0].owner_user_id.to_string());

    seed(read(&world, "second@platform.test", PASSWORD).unwrap()).await.unwrap();
    assert_eq!((world.said::<TenantCreated>().await.len(), world.said::<MemberJoined>().await.len()), (1, 1));
    assert_eq!(world.count("tenants").await, 1);
}

#[tokio::test]
async fn a_weak_password_is_a_fault_of_the_environment() {
    let world = World::start().await;
    let faults = read(&world, "root", "short").err().unwrap();
    assert!(
        faults.contains("OPERATOR_EMAIL: must be an e-mail address")
            && faults.contains("OPERATOR_PASSWORD must have at least 15"),
        "{faults}"
    );
}
