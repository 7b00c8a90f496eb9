//! A bucket of S3, reached with the credentials of this process.

use crate::{
    error::ObjectError,
    signing::{self, Request},
};
use aws_config::{BehaviorVersion, SdkConfig};
use aws_credential_types::{
    Credentials,
    provider::{ProvideCredentials, SharedCredentialsProvider},
};
use common::{ambient::Ambient, problem::Chain};
use reqwest::{Method, Url};
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

/// Time to open a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Time in which something of an answer must come.
const READ_TIMEOUT: Duration = Duration::from_secs(10);
/// Credentials that end sooner are replaced: what they sign ends with them.
const LEAST_LEFT: Duration = Duration::from_secs(600);

/// A bucket; cheap to clone.
#[derive(Clone)]
pub struct Bucket(Arc<Inner>);

struct Inner {
    /// Of the empty key; ends with `/`.
    url: Url,
    region: String,
    provider: SharedCredentialsProvider,
    credentials: Mutex<Option<Credentials>>,
    ambient: Ambient,
    http: reqwest::Client,
}

/// The bucket cannot be reached with what the environment says.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    #[error("there is no region for S3")]
    NoRegion,
    #[error("there are no credentials for S3")]
    NoCredentials,
    #[error("'{0}' is no bucket's name")]
    NoName(String),
    #[error("the client for S3 cannot be made")]
    Client(#[from] reqwest::Error),
}

impl Bucket {
    /// The bucket of that name. Region, endpoint and credentials come from the SDK's usual places
    /// (<https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html>).
    pub async fn from_env(name: &str, ambient: Ambient) -> Result<Self, Unusable> {
        Self::new(&aws_config::load_defaults(BehaviorVersion::latest()).await, name, ambient)
    }

    /// The same with an SDK configuration made elsewhere.
    pub fn new(config: &SdkConfig, name: &str, ambient: Ambient) -> Result<Self, Unusable> {
        let region = config.region().ok_or(Unusable::NoRegion)?.to_string();
        let provider = config.credentials_provider().ok_or(Unusable::NoCredentials)?;
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(READ_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        let url = url(config, name, &region).ok_or_else(|| Unusable::NoName(name.to_owned()))?;
        Ok(Self(Arc::new(Inner { url, region, provider, credentials: Mutex::default(), ambient, http })))
    }

    /// Scheme, host and port of the URLs of its objects, as a Content-Security-Policy takes them.
    pub fn origin(&self) -> String {
        self.0.url.origin().ascii_serialization()
    }

    pub(crate) fn region(&self) -> &str {
        &self.0.region
    }

    pub(crate) fn http(&self) -> &reqwest::Client {
        &self.0.http
    }

    /// The URL of `path` in the bucket, signed for one method, for a while.
    pub(crate) async fn sign(
        &self,
        method: &Method,
        path: &str,
        headers: &[(&str, &str)],
        lifetime: Duration,
    ) -> Result<Url, ObjectError> {
        let url = self.0.url.join(path).map_err(|error| ObjectError::Refused(error.to_string()))?;
        let credentials = self.credentials().await?;
        let time = SystemTime::from(self.0.ambient.now());
        let request = Request { method, url, headers, lifetime, region: &self.0.region, time };
        signing::sign(request, credentials).map_err(|error| ObjectError::Refused(error.to_string()))
    }

    /// Those that were found last, or new ones where these end soon. Several may ask at once.
    async fn credentials(&self) -> Result<Credentials, ObjectError> {
        let known = self.0.credentials.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let soon = SystemTime::from(self.0.ambient.now()) + LEAST_LEFT;
        match known {
            Some(known) if known.expiry().is_none_or(|expiry| expiry > soon) => Ok(known),
            _ => {
                let found = self.0.provider.provide_credentials().await;
                let found = found.map_err(|error| ObjectError::Away(Chain(&error).to_string()))?;
                *self.0.credentials.lock().unwrap_or_else(PoisonError::into_inner) = Some(found.clone());
                Ok(found)
            }
        }
    }
}

/// An endpoint that is said is the emulator's, which has the bucket in the path.
fn url(config: &SdkConfig, name: &str, region: &str) -> Option<Url> {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if !(3..=63).contains(&name.len()) || !name.bytes().all(plain) {
        return None;
    }
    let url = match config.endpoint_url() {
        Some(endpoint) => format!("{}/{name}/", endpoint.trim_end_matches('/')),
        None => format!("https://{name}.s3.{region}.amazonaws.com/"),
    };
    Url::parse(&url).ok()
}
