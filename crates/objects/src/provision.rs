//! A bucket where no CloudFormation makes one: on a developer's machine and in tests. On AWS it is `ecs/bucket.json`.

use crate::{
    bucket::Bucket,
    error::{ObjectError, accepted},
};
use reqwest::{Method, StatusCode};
use std::time::Duration;

const LIFETIME: Duration = Duration::from_secs(60);
/// Pages of any origin may PUT what a signed URL lets them; the URL is the right.
const CORS: &str = "<CORSConfiguration><CORSRule><AllowedOrigin>*</AllowedOrigin><AllowedMethod>PUT</AllowedMethod>\
    <AllowedHeader>*</AllowedHeader></CORSRule></CORSConfiguration>";

impl Bucket {
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
