//! The permissions of a service, as it makes the permission service know them when it starts.

use crate::Kit;
use contracts::manifest::PermissionList;

/// Puts `list` to the permission service.
pub async fn register(kit: &Kit, list: &PermissionList) -> anyhow::Result<()> {
    let url = format!("{}/internal/manifests/{}", kit.base.permission_url, list.namespace);
    Ok(kit.client.put(&url, list).await?)
}
