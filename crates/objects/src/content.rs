//! Objects that are named by their content: what lies under a key never changes, so writing it again is harmless.

use crate::{
    bucket::Bucket,
    error::{ObjectError, accepted},
};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use contracts::{id::TenantId, object_key::FileName};
use reqwest::{Method, Url, header};
use std::{fmt::Write, time::Duration};

/// How long what this process asks itself is signed for.
const AT_ONCE: Duration = Duration::from_secs(60);
/// Time to write an object of [`crate::LARGEST`] bytes over a slow connection.
const PUT_TIMEOUT: Duration = Duration::from_secs(60);
/// S3 refuses content that does not have this digest
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html>).
const CHECKSUM: &str = "x-amz-checksum-sha256";

/// SHA-256 of an object's content.
pub type Digest = [u8; 32];

/// The objects of one tenant and kind, such as the documents of its invoices. Cheap to clone.
#[derive(Clone)]
pub struct Contents {
    bucket: Bucket,
    /// Ends with `/`.
    prefix: String,
}

/// What a kind of file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileKind {
    /// `pdf`
    pub extension: &'static str,
    /// `application/pdf`
    pub media_type: &'static str,
}

impl Bucket {
    /// Of a tenant, all objects that are of this kind: `invoices`.
    pub fn contents(&self, kind: &'static str, tenant: TenantId) -> Contents {
        Contents { bucket: self.clone(), prefix: format!("{kind}/{tenant}/") }
    }
}

impl Contents {
    /// Writes an object, unless it is there: then it is written over by itself.
    pub async fn put(&self, digest: &Digest, file: FileKind, content: Vec<u8>) -> Result<(), ObjectError> {
        if content.len() as u64 > crate::LARGEST {
            return Err(ObjectError::TooLarge { most: crate::LARGEST });
        }
        let checksum = BASE64.encode(digest);
        let headers = [(header::CONTENT_TYPE.as_str(), file.media_type), (CHECKSUM, &*checksum)];
        let url = self.bucket.sign(&Method::PUT, &self.path(digest, file), &headers, AT_ONCE).await?;
        let put = headers.iter().fold(self.bucket.http().put(url), |put, (name, value)| put.header(*name, *value));
        accepted(put.timeout(PUT_TIMEOUT).body(content).send().await).map(drop)
    }

    /// Where a browser, for so long, may GET an object, which it saves as `name`. Credentials that end sooner end it
    /// sooner. Nobody looks whether the object is there.
    pub async fn presign_get(
        &self,
        digest: &Digest,
        file: FileKind,
        name: &FileName,
        lifetime: Duration,
    ) -> Result<Url, ObjectError> {
        // A name has none of the characters that RFC 6266 would have quoted.
        let path = format!(
            "{}?response-content-disposition=attachment%3Bfilename%3D{}",
            self.path(digest, file),
            name.as_str()
        );
        self.bucket.sign(&Method::GET, &path, &[], lifetime).await
    }

    fn path(&self, digest: &Digest, file: FileKind) -> String {
        let mut path = self.prefix.clone();
        for byte in digest {
            let _ = write!(path, "{byte:02x}");
        }
        format!("{path}.{}", file.extension)
    }
}
