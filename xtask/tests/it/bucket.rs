//! The template of a product's bucket, made on the emulator by CloudFormation. Is the bucket closed to everybody else,
//! and are its objects encrypted?

use crate::files::{self, ACCOUNT, PREFIX};
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};
use std::{env, process, time::Duration};
use tokio::time::{sleep, timeout};

/// The emulator makes a bucket at once.
const WITHIN: Duration = Duration::from_secs(30);

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| panic!("{name} is not set; `cargo xtask test` sets it"))
}

/// The emulator looks at the account and the region of the signature, not at the signature.
fn signed(request: RequestBuilder, service: &str) -> RequestBuilder {
    let scope = format!("{}/20260101/{}/{service}/aws4_request", variable("AWS_ACCESS_KEY_ID"), variable("AWS_REGION"));
    request.header("authorization", format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=none"))
}

async fn sent(request: RequestBuilder) -> (u16, String) {
    let answer = request.send().await.expect("the emulator cannot be reached");
    (answer.status().as_u16(), answer.text().await.expect("a text"))
}

async fn cloud_formation(parameters: &[(&str, &str)]) -> String {
    let (status, text) =
        sent(signed(Client::new().post(variable("AWS_ENDPOINT_URL")).form(parameters), "cloudformation")).await;
    assert_eq!(status, 200, "{text}");
    text
}

#[tokio::test]
async fn a_products_bucket_is_closed_and_encrypted() {
    let (product, stack) = (format!("t{}", process::id()), format!("bucket-{}", process::id()));
    let template = files::text("ecs/bucket.json");
    cloud_formation(&[
        ("Action", "CreateStack"),
        ("StackName", &stack),
        ("TemplateBody", &template),
        ("Parameters.member.1.ParameterKey", "Product"),
        ("Parameters.member.1.ParameterValue", &product),
    ])
    .await;
    let made = async {
        while !cloud_formation(&[("Action", "DescribeStacks"), ("StackName", &stack)]).await.contains("CREATE_COMPLETE")
        {
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(WITHIN, made).await.expect("the stack is not made");

    let bucket = format!("{}/{PREFIX}-{product}-{}", variable("AWS_ENDPOINT_URL"), variable("AWS_ACCOUNT_ID"));
    for (question, answer) in [
        ("encryption", "AES256"),
        ("publicAccessBlock", "<RestrictPublicBuckets>true</RestrictPublicBuckets>"),
        ("policy", "aws:SecureTransport"),
        ("cors", "<AllowedMethod>PUT</AllowedMethod>"),
    ] {
        let (status, text) = sent(signed(Client::new().get(format!("{bucket}?{question}")), "s3")).await;
        assert!(status == 200 && text.contains(answer), "{question}: {status} {text}");
    }

    cloud_formation(&[("Action", "DeleteStack"), ("StackName", &stack)]).await;
    // What people have uploaded outlives the stack.
    let (status, text) = sent(signed(Client::new().delete(bucket), "s3")).await;
    assert_eq!(status, 204, "{text}");
}

/// The emulator's CloudFormation makes no lifecycle.
#[test]
fn the_bucket_is_called_as_the_rights_name_it_and_forgets_uploads_that_were_broken_off() {
    let template: Value = serde_json::from_str(&files::text("ecs/bucket.json")).unwrap();
    let bucket = &template["Resources"]["Bucket"]["Properties"];
    let rule = &bucket["LifecycleConfiguration"]["Rules"][0];
    assert_eq!((&rule["Status"], rule.get("Filter")), (&json!("Enabled"), None), "it is for all objects");
    assert_eq!(rule["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"], 1);
    let name = bucket["BucketName"]["Fn::Sub"].as_str().unwrap();
    let name = name.replace("${Product}", "pdf").replace("${AWS::AccountId}", ACCOUNT);
    assert_eq!(name, files::bucket("pdf"));
}
