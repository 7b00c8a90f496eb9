//! A bucket where no CloudFormation makes one: on a developer's machine and in tests. On AWS it is `ecs/bucket.json`.

use crate::{
    bucket::Bucket,
    error::{ObjectError, accepted, away},
};
use reqwest::{Method, StatusCode};
use std::time::Duration;

const LIFETIME: Duration = Duration::from_secs(60);
/// Pages of any origin may PUT what a signed URL lets them; the URL is the right.
const CORS: &str = "<CORSConfiguration><CORSRule><AllowedOrigin>*</AllowedOrigin><AllowedMethod>PUT</AllowedMethod>\
    <AllowedHeader>*</AllowedHeader></CORSRule></CORSConfiguration>";

impl Bucket {
    /// Removes the bucket with all that is in it.
    pub async fn teardown(&self) -> Result<(), ObjectError> {
        loop {
            let url = self.sign(&Method::GET, "?list-type=2", &[], LIFETIME).await?;
            let listed = accepted(self.http().get(url).send().await)?.text().await.map_err(away)?;
            let keys: Vec<_> =
                listed.split("<Key>").skip(1).filter_map(|rest| Some(rest.split_once("</Key>")?.0)).collect();
            for key in &keys {
                let url = self.sign(&Method::DELETE, key, &[], LIFETIME).await?;
                accepted(self.http().delete(url).send().await)?;
            }
            if keys.is_empty() {
                let url = self.sign(&Method::DELETE, "", &[], LIFETIME).await?;
                return accepted(self.http().delete(url).send().await).map(drop);
            }
        }
    }

    /// Makes the bucket; one that is there is left as it is.
    pub async fn provision(&self) -> Result<(), ObjectError> {
        let url = self.sign(&Method::PUT, "", &[], LIFETIME).await?;
        let place = match self.region() {
            // The one region that must not be named.
            "us-east-1" => String::new(),
            region => format!(
                "<CreateBucketConfiguration><LocationConstraint>{region}</LocationConstraint>\
                 </CreateBucketConfiguration>"
            ),
        };
        let made = self.http().put(url).body(place).send().await;
        if !made.as_ref().is_ok_and(|answer| answer.status() == StatusCode::CONFLICT) {
            accepted(made)?;
        }
        let url = self.sign(&Method::PUT, "?cors", &[], LIFETIME).await?;
        accepted(self.http().put(url).body(CORS).send().await).map(drop)
    }
}
