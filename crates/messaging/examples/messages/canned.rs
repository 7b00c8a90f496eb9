//! SNS and SQS that answer at once as they are told, without a network: the AWS SDK's own seam for an HTTP client.

use aws_config::BehaviorVersion;
use aws_smithy_runtime_api::client::{
    http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn},
    orchestrator::{HttpRequest, HttpResponse},
};
use aws_smithy_types::body::SdkBody;
use messaging::Aws;
use std::{fmt, sync::Arc};

type Answer = dyn Fn(&str, &[u8]) -> String + Send + Sync;

#[derive(Clone)]
struct Canned(Arc<Answer>);

impl fmt::Debug for Canned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Canned")
    }
}

impl HttpConnector for Canned {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let operation = target.rsplit('.').next().unwrap_or_default();
        let answer = (self.0)(operation, request.body().bytes().unwrap_or_default());
        let status = 200.try_into().expect("a status");
        HttpConnectorFuture::ready(Ok(HttpResponse::new(status, SdkBody::from(answer))))
    }
}

/// `answer` is given an operation of SQS, or "" for SNS, and the request's body; it gives the answer's body.
pub async fn aws(answer: impl Fn(&str, &[u8]) -> String + Send + Sync + 'static) -> Aws {
    let canned = Canned(Arc::new(answer));
    let client = http_client_fn(move |_, _| SharedHttpConnector::new(canned.clone()));
    let config = aws_config::defaults(BehaviorVersion::latest()).http_client(client).load().await;
    Aws::new(&config, "canned", "000000000000")
}
