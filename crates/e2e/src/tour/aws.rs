//! Topics and dead-letter queues: by the query protocol of SNS, and ministack's own window.

use super::{
    guide::Guide,
    http::{Call, list},
};
use anyhow::{Context, Result};
use reqwest::Method;
use serde_json::Value;

/// What the names of all topics and queues of a stack begin with.
const PREFIX: &str = "sevenleague";

impl Guide {
    /// Publishes `body` as a message of type `kind`, as any producer would (SNS API, action Publish).
    pub async fn publish(&self, topic: &str, kind: &str, body: &str) -> Result<()> {
        let arn = format!("arn:aws:sns:{}:{}:{PREFIX}-{topic}", self.aws("AWS_REGION"), self.aws("AWS_ACCOUNT_ID"));
        let form = [
            ("Action", "Publish"),
            ("Version", "2010-03-31"),
            ("TopicArn", &arn),
            ("Message", body),
            ("MessageAttributes.entry.1.Name", "type"),
            ("MessageAttributes.entry.1.Value.DataType", "String"),
            ("MessageAttributes.entry.1.Value.StringValue", kind),
        ];
        let answer = self.aws_call(Method::POST, "sns").form(&form).send().await?;
        answer.has(200).map(drop).with_context(|| format!("publishing on {topic}"))
    }

    /// The messages in a queue, without receiving them.
    pub async fn peek(&self, queue: &str) -> Result<Vec<Value>> {
        let url = format!("{}/{}/{PREFIX}-{queue}", self.aws("AWS_ENDPOINT_URL"), self.aws("AWS_ACCOUNT_ID"));
        let window = format!("{}/_ministack/sqs/messages", self.aws("AWS_ENDPOINT_URL"));
        let shown = Call::new(&self.http, Method::GET, &window).query(&[("QueueUrl", &url)]).expect(200).await?;
        let queues = &shown["messages"][self.aws("AWS_ACCOUNT_ID")][self.aws("AWS_REGION")];
        Ok(list(queues, &format!("/{}", url.replace('/', "~1"))).to_vec())
    }

    /// A call of a service of AWS. The emulator checks no signature, but takes account, region and service from it.
    pub fn aws_call(&self, method: Method, service: &str) -> Call {
        let credential =
            format!("{}/20260101/{}/{service}/aws4_request", self.aws("AWS_ACCESS_KEY_ID"), self.aws("AWS_REGION"));
        let signature = format!("AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=0");
        Call::new(&self.http, method, self.aws("AWS_ENDPOINT_URL")).header("authorization", &signature)
    }

    fn aws(&self, variable: &str) -> &str {
        self.state.aws.get(variable).map_or("", String::as_str)
    }
}
