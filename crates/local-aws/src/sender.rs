//! The sender of mail: the emulator refuses those that it does not know, and knows none after a restart.
//!
//! On AWS `mailer bootstrap` makes these once and for all, with rights that no running process has.

use anyhow::{Context, Result, ensure};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use std::time::Duration;

/// The emulator answers at once, or it is not there.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The emulator, and whose SES in it.
pub struct Ses<'a> {
    pub endpoint: &'a str,
    pub region: &'a str,
}

impl Ses<'_> {
    /// Makes the sender's identity and the configuration set that its mail names, as far as they are missing.
    pub async fn provision(&self, mail_from: &str, configuration_set: &str) -> Result<()> {
        let (_, domain) =
            mail_from.trim_end_matches('>').rsplit_once('@').context("MAIL_FROM must hold an e-mail address")?;
        self.make("identities", &json!({"EmailIdentity": domain})).await?;
        self.make("configuration-sets", &json!({"ConfigurationSetName": configuration_set})).await
    }

    /// That a thing exists already is as good as having made it.
    async fn make(&self, kind: &str, body: &Value) -> Result<()> {
        // The emulator takes the region from the signature's scope, and does not check the signature.
        let scope = format!(
            "AWS4-HMAC-SHA256 Credential=test/20260101/{}/ses/aws4_request, SignedHeaders=host, Signature=0",
            self.region
        );
        let url = format!("{}/v2/email/{kind}", self.endpoint.trim_end_matches('/'));
        let answer = Client::new().post(url).timeout(TIMEOUT).header("Authorization", scope).json(body).send().await?;
        let (status, text) = (answer.status(), answer.text().await?);
        ensure!(
            status == StatusCode::OK || text.contains("AlreadyExistsException"),
            "the emulator made none of its {kind}: {status} {text}"
        );
        Ok(())
    }
}
