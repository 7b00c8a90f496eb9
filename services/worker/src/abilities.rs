//! What this worker can do: jobs for which it has a handler and, on its disk, the bundle. It leaves all others to
//! workers that have.

use crate::jobs::model::{Can, KindAndVersion};
use std::{
    io::ErrorKind,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio::{fs, sync::Mutex, time::Instant};

/// The disk is looked at again after this time.
const FRESH: Duration = Duration::from_secs(1);
/// More bundles than this are not looked at: each makes claims a little dearer.
const MOST_BUNDLES: usize = 1_000;
/// What the worker can do, looked up when asked for.
pub struct Abilities {
    handlers: Vec<KindAndVersion>,
    bundles_dir: PathBuf,
    seen: Mutex<Option<(Instant, Arc<Can>)>>,
}

impl Abilities {
    pub fn new(handlers: Vec<KindAndVersion>, bundles_dir: PathBuf) -> Self {
        Self { handlers, bundles_dir, seen: Mutex::default() }
    }

    pub async fn now(&self) -> Arc<Can> {
        let mut seen = self.seen.lock().await;
        if let Some((at, can)) = &*seen
            && at.elapsed() < FRESH
        {
            return Arc::clone(can);
        }
        let bundles = on_disk(&self.bundles_dir).await.unwrap_or_else(|error| {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "The bundles on disk cannot be listed; their jobs are left to other workers"
            );
            Vec::new()
        });
        let can = Arc::new(Can::with(&self.handlers, &bundles));
        *seen = Some((Instant::now(), Arc::clone(&can)));
        can
    }
}

/// `<service>/<version>` of every manifest below `folder`.
async fn on_disk(folder: &Path) -> std::io::Result<Vec<String>> {
    let mut bundles = Vec::new();
    for service in names(folder).await? {
        for version in names(&folder.join(&service)).await? {
            if fs::try_exists(folder.join(&service).join(&version).join("manifest.toml")).await? {
                bundles.push(format!("{service}/{version}"));
            }
        }
    }
    if bundles.len() > MOST_BUNDLES {
        tracing::warn!(
            bundles = bundles.len(),
            most = MOST_BUNDLES,
            "There are more bundles on disk than this worker looks at"
        );
        bundles.truncate(MOST_BUNDLES);
    }
    Ok(bundles)
}

/// Names of the folders in `folder`, in order; none if it is not there.
async fn names(folder: &Path) -> std::io::Result<Vec<String>> {
    let mut entries = match fs::read_dir(folder).await {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut names = Vec::new();
    while let Some(entry) = entries.next_entry().await? {
        if fs::metadata(entry.path()).await?.is_dir() {
            names.extend(entry.file_name().into_string());
        }
    }
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_worker_of_the_platform_alone_has_no_bundles() {
        assert_eq!(on_disk(Path::new("/nonexistent/bundles")).await.unwrap(), [""; 0]);
    }

    const HANDLERS: &[KindAndVersion] = &[("instance.migrate", 1), ("instance.seed", 1)];

    #[test]
    fn every_handler_goes_with_every_bundle_and_with_none() {
        let can = Can::with(HANDLERS, &["forum/1.0.0".to_owned()]);
        assert_eq!(can.bundles, ["forum/1.0.0", ""].repeat(HANDLERS.len()));
        assert_eq!((can.kinds.len(), can.versions.len()), (can.bundles.len(), can.bundles.len()));
    }
}
