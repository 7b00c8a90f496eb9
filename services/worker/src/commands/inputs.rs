//! Objects that an order names: they lie in the command's working folder when it begins.
//!
//! Their keys are completed here, of the job's own columns and what configurator says of its instance, so an order can
//! name no other instance's objects.

use super::spec::{self, Spec};
use crate::handlers::{Fault, Run};
use contracts::{http::instances::Credentials, id::InstanceId, jobs::InputObject};
use objects::ObjectError;
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::time::timeout;

/// For all objects of one job.
const WITHIN: Duration = Duration::from_secs(120);

/// The folder of one run, removed when dropped; a supervisor that has begun removes it by itself.
pub(super) struct Folder(PathBuf);

impl Folder {
    /// The folder of a run with the objects in it.
    pub async fn with(
        run: &Run<'_>,
        folder: &Path,
        (instance, credentials): (InstanceId, &Credentials),
        wanted: &[InputObject],
    ) -> Result<Self, Fault> {
        let made = Self(folder.to_owned());
        let work = Spec::work(folder);
        let no_folder = |error| spec::fault("the command's folder cannot be made", &error);
        tokio::fs::create_dir_all(&work).await.map_err(no_folder)?;
        if wanted.is_empty() {
            return Ok(made);
        }
        let names: BTreeSet<_> = wanted.iter().map(|object| object.name.as_str()).collect();
        if names.len() < wanted.len() {
            return Err(Fault::permanent("two objects of the order have one name"));
        }
        let bucket = run.bucket.ok_or_else(|| Fault::away("this worker has no bucket of objects"))?;
        let (Some(service), Some(tenant)) = (&credentials.service, credentials.tenant_id) else {
            return Err(Fault::away("configurator does not say yet whose instance it is"));
        };
        let objects = bucket.of(service, tenant, instance);
        let fetch = async {
            let mut left = objects::LARGEST;
            for InputObject { key, name } in wanted {
                let fetched = objects.fetch(key, &work.join(name.as_str()), left).await.map_err(fault)?;
                left -= fetched.bytes;
                run.log(&format!("fetched {name}: {} bytes, ETag {}", fetched.bytes, fetched.etag)).await;
            }
            Ok(made)
        };
        timeout(WITHIN, fetch).await.map_err(|_| Fault::away("the store of files is too slow"))?
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Whoever supervises the command may have removed it already.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// What is gone or too large stays so; the reason is shown to whoever gave the file.
fn fault(error: ObjectError) -> Fault {
    let reason = error.to_string();
    match error {
        ObjectError::Gone | ObjectError::TooLarge { .. } => Fault::permanent(reason),
        ObjectError::Away(_) => Fault::away(reason),
        ObjectError::Refused(_) => Fault::transient(reason),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_uses_up_no_attempt_and_what_is_gone_is_not_looked_for_again() {
        assert!(matches!(fault(ObjectError::Away("503".into())), Fault::Away(_)));
        assert!(matches!(fault(ObjectError::Refused("403".into())), Fault::Transient(_)));
        assert!(matches!(fault(ObjectError::TooLarge { most: 1 }), Fault::Permanent(_)));
        let Fault::Permanent(reason) = fault(ObjectError::Gone) else { panic!("it is gone for good") };
        assert_eq!(reason, "The file was not uploaded, or is gone.");
    }
}
