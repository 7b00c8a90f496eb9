//! The objects of one instance.

use crate::bucket::Bucket;
use common::problem::Problem;
use contracts::object_key::ObjectKey;
use reqwest::{Method, Response, StatusCode, Url, header};
use std::{path::Path, time::Duration};
use tokio::{
    fs::File,
    io::{AsyncWriteExt, BufWriter},
};

/// How long what this process asks itself is signed for.
const AT_ONCE: Duration = Duration::from_secs(60);
/// Time for a call that moves no content.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);
/// Seconds after which a caller may try again while S3 is away.
const SOON: u32 = 5;

/// What can be done with the objects of one instance; no other's can be named here. Cheap to clone.
#[derive(Clone)]
pub struct Objects {
    bucket: Bucket,
    prefix: String,
}

/// Why an object cannot be had. The texts are for the people whose object it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ObjectError {
    #[error("The file was not uploaded, or is gone.")]
    Gone,
    /// Larger than so many bytes.
    #[error("The file is larger than {most} bytes.")]
    TooLarge { most: u64 },
    /// It may be had later.
    #[error("the store of files does not answer: {0}")]
    Away(String),
    #[error("the store of files refuses: {0}")]
    Refused(String),
}

impl From<ObjectError> for Problem {
    fn from(error: ObjectError) -> Self {
        match &error {
            ObjectError::Gone => Self::not_found("file_gone", &error.to_string()),
            ObjectError::TooLarge { .. } => {
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, "file_too_large", &error.to_string())
            }
            ObjectError::Away(_) => Self::unavailable(SOON, "Files cannot be reached right now."),
            ObjectError::Refused(_) => Self::internal(&error),
        }
    }
}

/// An object as it was fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    pub bytes: u64,
    /// Tells this content from any other of the key (RFC 9110 §8.8.3).
    pub etag: String,
}

impl Objects {
    pub(crate) fn new(bucket: Bucket, prefix: String) -> Self {
        Self { bucket, prefix }
    }

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

/// The answer, if it is a success.
pub(crate) fn accepted(answer: reqwest::Result<Response>) -> Result<Response, ObjectError> {
    let answer = answer.map_err(away)?;
    match answer.status() {
        status if status.is_success() => Ok(answer),
        StatusCode::NOT_FOUND => Err(ObjectError::Gone),
        status @ (StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS) => {
            Err(ObjectError::Away(status.to_string()))
        }
        status if status.is_server_error() => Err(ObjectError::Away(status.to_string())),
        status => Err(ObjectError::Refused(status.to_string())),
    }
}

/// Without the URL, whose signature lets others in.
fn away(error: reqwest::Error) -> ObjectError {
    ObjectError::Away(common::problem::Chain(&error.without_url()).to_string())
}
