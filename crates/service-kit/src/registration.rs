//! How does the permission service learn which permissions exist? Each service registers its own list when it starts.

use access::client::PlatformClient;
use common::{config::Base, problem::Chain};
use contracts::manifest::PermissionList;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Pause between two tries while the permission service is away.
const RETRY_PAUSE: Duration = Duration::from_secs(1);

/// Registers `list` with the permission service, trying until it is taken or the process stops.
pub async fn register(base: Base, client: PlatformClient, list: PermissionList, shutdown: CancellationToken) {
    let url = format!("{}/internal/manifests/{}", base.permission_url, list.namespace);
    loop {
        match client.put::<_, ()>(&url, &list).await {
            Ok(()) => return tracing::info!(permissions = list.permissions.len(), "permissions registered"),
            Err(error) => tracing::warn!(error = %Chain(&error), "permissions not registered yet"),
        }
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(RETRY_PAUSE) => {}
        }
    }
}
