//! Files: announced, uploaded, listed, deleted.

use crate::{
    samples::pdf,
    support::{Archives, GLOBEX},
};
use serde_json::json;

#[tokio::test]
async fn a_file_is_announced_uploaded_and_deleted() {
    let archives = Archives::start().await;
    let bytes = pdf(&[&[(72, 720, "Hello")]]);
    let new = json!({"name": " hello.pdf ", "bytes": bytes.len()});
    let file = archives.post("/v1/files", &new).send().await.expect(201);
    assert_eq!(
        (&file["name"], &file["bytes"], &file["upload"]["method"]),
        (&json!("hello.pdf"), &new["bytes"], &json!("PUT"))
    );
    let (http, url) = (reqwest::Client::new(), file["upload"]["url"].as_str().unwrap());
    assert_eq!(http.put(url).body(bytes.clone()).send().await.unwrap().status(), 200);

    let path = format!("/v1/files/{}", file["id"].as_str().unwrap());
    let known = archives.get(&path).await.expect(200);
    assert_eq!((&known["name"], known.get("extraction")), (&json!("hello.pdf"), None));
    assert_eq!(archives.get("/v1/files").await.expect(200)["items"], json!([known]));
    let delete = || archives.product.server.delete(&path).bearer(&archives.ada);
    delete().send().await.expect(204);
    delete().send().await.problem(404, "file_not_found");
    archives.get(&path).await.problem(404, "file_not_found");
}

#[tokio::test]
async fn what_is_not_announced_rightly_changes_nothing() {
    let archives = Archives::start().await;
    for (body, field) in [
        (json!({"name": "a.pdf", "bytes": 0}), "bytes"),
        (json!({"name": "a.pdf", "bytes": 33_554_433}), "bytes"),
        (json!({"name": "", "bytes": 1}), "name"),
        (json!({"name": "a\0.pdf", "bytes": 1}), "name"),
        (json!({"name": "x".repeat(201), "bytes": 1}), "name"),
    ] {
        archives.post("/v1/files", &body).send().await.invalid(&[field]);
    }
    assert_eq!(archives.get("/v1/files").await.expect(200)["items"], json!([]));
}

#[tokio::test]
async fn another_tenants_archive_is_closed() {
    let archives = Archives::start().await;
    let file = archives.upload("ours.pdf", pdf(&[&[]])).await;
    let server = &archives.product.server;
    server.get("/v1/files").bearer(&archives.grace).send().await.problem(403, "wrong_tenant");
    let there = |request: test_support::TestRequest| request.bearer(&archives.grace).header("host", GLOBEX).send();
    assert_eq!(there(server.get("/v1/files")).await.expect(200)["items"], json!([]));
    there(server.get(&format!("/v1/files/{file}"))).await.problem(404, "file_not_found");
    let order = json!({"file_ids": [file]});
    there(server.post("/v1/extractions", &order)).await.invalid(&["file_ids[0]"]);
    let reader = archives.product.platform.user(archives.acme, &["pdf.readFiles"]).await.token;
    server.post("/v1/extractions", &order).bearer(&reader).send().await.problem(403, "permission_missing");
}
