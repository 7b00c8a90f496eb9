//! SQL of sealed secrets. They have no tenant of their own; they are found by an instance that the tenant's transaction
//! has read.

use common::db::TenantTx;
use contracts::id::InstanceId;
use uuid::Uuid;

/// The sealed code of an instance whose setup form was not taken yet.
pub struct SealedCode {
    pub instance_id: InstanceId,
    pub setup_code: Vec<u8>,
}

/// The sealed passwords of an instance's two roles.
pub struct SealedPasswords {
    pub owner_password: Vec<u8>,
    pub app_password: Vec<u8>,
}

pub async fn insert_secrets(
    tx: &mut TenantTx,
    id: InstanceId,
    owner_password: &[u8],
    app_password: &[u8],
    setup_code: &[u8],
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO instance_secrets (instance_id, owner_password, app_password, setup_code) VALUES ($1, $2, $3, $4)",
        id.0,
        owner_password,
        app_password,
        setup_code
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}

pub async fn setup_codes(tx: &mut TenantTx, instances: &[Uuid]) -> sqlx::Result<Vec<SealedCode>> {
    sqlx::query_as!(
        SealedCode,
        r#"SELECT instance_id, setup_code AS "setup_code!" FROM instance_secrets
           WHERE instance_id = ANY($1) AND setup_code IS NOT NULL"#,
        instances
    )
    .fetch_all(&mut **tx)
    .await
}

pub async fn passwords(tx: &mut TenantTx, id: InstanceId) -> sqlx::Result<Option<SealedPasswords>> {
    sqlx::query_as!(
        SealedPasswords,
        "SELECT owner_password, app_password FROM instance_secrets WHERE instance_id = $1",
        id.0
    )
    .fetch_optional(&mut **tx)
    .await
}

/// The code has served.
pub async fn forget_code(tx: &mut TenantTx, id: InstanceId) -> sqlx::Result<()> {
    sqlx::query!("UPDATE instance_secrets SET setup_code = NULL WHERE instance_id = $1", id.0)
        .execute(&mut **tx)
        .await
        .map(drop)
}
