//! The objects of one instance.

use crate::{
    bucket::Bucket,
    error::{ObjectError, accepted, away},
};
use contracts::{
    id::{InstanceId, TenantId},
    object_key::{ObjectKey, prefix},
};
use reqwest::{Method, Url, header};
use std::{path::Path, time::Duration};
use tokio::{
    fs::File,
    io::{AsyncWriteExt, BufWriter},
};

/// How long what this process asks itself is signed for.
const AT_ONCE: Duration = Duration::from_secs(60);
/// Time for a call that moves no content.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// What can be done with the objects of one instance; no other's can be named here. Cheap to clone.
#[derive(Clone)]
pub struct Objects {
    bucket: Bucket,
    prefix: String,
}

/// An object as it was fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    pub bytes: u64,
    /// Tells this content from any other of the key (RFC 9110 §8.8.3).
    pub etag: String,
}

impl Bucket {
    /// The objects of one instance of a product.
    pub fn of(&self, service: &str, tenant: TenantId, instance: InstanceId) -> Objects {
        Objects { bucket: self.clone(), prefix: prefix(service, tenant, instance) }
    }
}

impl Objects {
    /// Where a browser, for so long, may PUT the content of an object, which must have exactly so many bytes. Credentials
    /// that end sooner end it sooner.
    pub async fn presign_put(&self, key: &ObjectKey, lifetime: Duration, bytes: u64) -> Result<Url, ObjectError> {
        if bytes > crate::LARGEST {
            return Err(ObjectError::TooLarge { most: crate::LARGEST });
        }
        let length = [(header::CONTENT_LENGTH.as_str(), &*bytes.to_string())];
        self.bucket.sign(&Method::PUT, &self.path(key), &length, lifetime).await
    }

    /// Scheme, host and port of those URLs, as a Content-Security-Policy takes them.
    pub fn origin(&self) -> String {
        self.bucket.origin()
    }

    /// Writes an object of at most `most` bytes into a new file. After an error something of it may lie there.
    pub async fn fetch(&self, key: &ObjectKey, file: &Path, most: u64) -> Result<Fetched, ObjectError> {
        let url = self.bucket.sign(&Method::GET, &self.path(key), &[], AT_ONCE).await?;
        let mut answer = accepted(self.bucket.http().get(url).send().await)?;
        let too_large = ObjectError::TooLarge { most };
        if answer.content_length().is_some_and(|bytes| bytes > most) {
            return Err(too_large);
        }
        let etag = answer.headers().get(header::ETAG).and_then(|etag| etag.to_str().ok()).unwrap_or_default();
        let mut fetched = Fetched { bytes: 0, etag: etag.trim_matches('"').to_owned() };
        let on_disk = |error: std::io::Error| ObjectError::Away(format!("its copy cannot be written: {error}"));
        let mut file = BufWriter::new(File::create_new(file).await.map_err(on_disk)?);
        while let Some(chunk) = answer.chunk().await.map_err(away)? {
            fetched.bytes += chunk.len() as u64;
            if fetched.bytes > most {
                return Err(too_large);
            }
            file.write_all(&chunk).await.map_err(on_disk)?;
        }
        file.flush().await.map_err(on_disk)?;
        Ok(fetched)
    }

    /// Deletes an object; one that is gone already is as good.
    pub async fn delete(&self, key: &ObjectKey) -> Result<(), ObjectError> {
        let url = self.bucket.sign(&Method::DELETE, &self.path(key), &[], AT_ONCE).await?;
        match accepted(self.bucket.http().delete(url).timeout(CALL_TIMEOUT).send().await) {
            Ok(_) | Err(ObjectError::Gone) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn path(&self, key: &ObjectKey) -> String {
        format!("{}{key}", self.prefix)
    }
}
