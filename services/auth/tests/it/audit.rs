//! Tests of the audit: every change is on record, in its transaction, once and for all.

mod chain;
mod command;
mod reading;
mod walk;

use crate::support::{Account, World, text};
use contracts::{
    id::{Principal, TenantId},
    messages::TenantKind,
};
use serde_json::Value;
use uuid::Uuid;

const READ: &str = "auth.readAudit";

/// Ada, who may read the audit of her tenant, and her token.
async fn reader() -> (World, Account, String) {
    let world = World::start().await;
    let (ada, token) = world.signed_in("ada@acme.test", "Acme", &[READ, "auth.writeClients"]).await;
    (world, ada, token)
}

async fn page(world: &World, token: &str, query: &str) -> Value {
    world.server.get(&format!("/v1/identity-audit?{query}")).bearer(token).await.expect(200)
}

/// A machine, which is a change that costs little.
async fn client(world: &World, token: &str, name: &str) -> String {
    let made = world.server.post("/v1/clients", &serde_json::json!({"name": name})).bearer(token).await.expect(201);
    text(&made["client"], "id").to_owned()
}

fn actions(page: &Value) -> Vec<String> {
    page["items"].as_array().unwrap().iter().map(|entry| text(entry, "action").to_owned()).collect()
}

fn versions(page: &Value) -> Vec<i64> {
    page["items"].as_array().unwrap().iter().map(|entry| entry["version"].as_i64().unwrap()).collect()
}

/// Somebody in the platform's own tenant who may read the audit, by token.
async fn operator(world: &World) -> String {
    let (olga, token) = world.signed_in("olga@platform.test", "Platform", &[READ]).await;
    let kind = serde_json::to_value(TenantKind::Platform).unwrap();
    let set = sqlx::query("UPDATE tenants SET kind = $2 WHERE id = $1").bind(olga.tenant.0).bind(kind.as_str());
    set.execute(&world.platform.pool).await.unwrap();
    token
}

/// Does it as somebody with all rights over the database.
async fn forge(world: &World, statement: &str) {
    let mut tx = world.platform.pool.begin().await.unwrap();
    let statement = format!("SET LOCAL session_replication_role = replica; {statement}");
    sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(&mut *tx).await.unwrap();
    tx.commit().await.unwrap();
}

/// The id of an entry.
async fn row(world: &World, tenant: TenantId, version: i64) -> Uuid {
    let id = sqlx::query_scalar("SELECT id FROM audit WHERE tenant_id = $1 AND version = $2").bind(tenant.0);
    id.bind(version).fetch_one(&world.platform.pool).await.unwrap()
}

fn user(account: &Account) -> String {
    Principal::User(account.user).to_string()
}
