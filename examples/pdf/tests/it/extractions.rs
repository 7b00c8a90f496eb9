//! Extractions: ordered once, read by a job, billed by the page.

use crate::{
    samples::{encrypted, pdf},
    support::{Archives, Ordered},
};
use contracts::{envelope::Envelope, messages::UsageBatchRecorded};
use serde_json::{Value, json};
use test_support::eventually;

#[tokio::test]
async fn a_file_is_read_once_and_each_page_is_metered() {
    let archives = Archives::start().await;
    let bytes = pdf(&[&[(72, 720, "First")], &[(72, 720, "a"), (300, 720, "b"), (72, 706, "c"), (300, 706, "d")]]);
    let file = archives.upload("two.pdf", bytes.clone()).await;
    let extraction = archives.order(&file).await;
    assert_eq!((&extraction["state"], &extraction["file_id"]), (&json!("pending"), &json!(file)));
    assert_eq!(archives.order(&file).await, extraction, "it is not ordered twice");
    let orders = archives.orders(1).await;
    let Ordered { envelope, job, command } = &orders[0];
    assert_eq!((&*envelope.source, envelope.tenant), ("/services/pdf", Some(archives.acme)));
    assert_eq!((&*command.service, &*command.bundle_version, &*command.command), ("pdf", "1.0.0", "extract"));
    assert_eq!(command.objects[0].name.to_string(), "file.pdf");
    assert_eq!(command.objects[0].key.to_string(), format!("files/{file}"));
    assert!(job.instance_id.is_some());

    let path = format!("/v1/extractions/{}", extraction["id"].as_str().unwrap());
    archives.get(&format!("{path}/pages/1")).await.problem(404, "page_not_found");
    archives.work(&orders[0], &bytes).await;
    // The worker hands over once; should it ever do so again, the pages stay as they are.
    archives.work(&orders[0], &bytes).await;
    let done = archives.get(&path).await.expect(200);
    assert_eq!((&done["state"], &done["page_count"]), (&json!("succeeded"), &json!(2)));
    let page = archives.get(&format!("{path}/pages/2")).await.expect(200);
    assert_eq!(page, json!({"number": 2, "text": "a\tb\nc\td", "tables": [[["a", "b"], ["c", "d"]]]}));
    archives.get(&format!("{path}/pages/3")).await.problem(404, "page_not_found");
    archives.get("/v1/extractions/00000000-0000-0000-0000-000000000001").await.problem(404, "extraction_not_found");
    assert_eq!(archives.get("/v1/extractions?state=pending").await.expect(200)["items"], json!([]));
    assert_eq!(archives.get("/v1/extractions?state=succeeded").await.expect(200)["items"], json!([done]));
    archives.get("/v1/extractions?state=lost").await.invalid(&["state"]);
    assert_eq!(archives.order(&file).await, done, "what was read is not read and billed again");
    assert_eq!(metered(&archives, 2).await, ["pdf.pages", "pdf.pages"]);
}

/// The meters of the next `count` events of usage.
async fn metered(archives: &Archives, count: usize) -> Vec<String> {
    let aws = &archives.product.platform.aws;
    let url = aws.queue_url(&aws.queue_name("billing-usage")).await.expect("the queue of billing");
    let mut meters = Vec::new();
    eventually("usage arrives", async || {
        let receive = aws.sqs.receive_message().queue_url(&url).max_number_of_messages(10);
        for message in receive.send().await.expect("receiving").messages() {
            let envelope: Envelope = serde_json::from_str(message.body().unwrap()).expect("an envelope");
            let batch: UsageBatchRecorded = serde_json::from_value(envelope.data).expect("a batch");
            meters.extend(batch.into_events().into_iter().map(|usage| usage.meter));
        }
        (meters.len() >= count).then_some(())
    })
    .await;
    meters
}

#[tokio::test]
async fn what_fails_says_why_and_may_be_tried_again() {
    let archives = Archives::start().await;
    let file = archives.upload("secret.pdf", encrypted()).await;
    let first = archives.order(&file).await;
    let orders = archives.orders(1).await;
    archives.work(&orders[0], &encrypted()).await;
    let path = format!("/v1/extractions/{}", first["id"].as_str().unwrap());
    let failed = archives.get(&path).await.expect(200);
    let reason = "The file is encrypted. Remove its password and upload it again.";
    assert_eq!((&failed["state"], &failed["reason"]), (&json!("failed"), &json!(reason)));

    let late = sqlx::query("SELECT take_failure($1, 'it took longer than 60 s')").bind(orders[0].job.job_id.0);
    late.execute(&mut archives.role().await).await.unwrap();
    let reason = "The file could not be read: it took longer than 60 s.";
    assert_eq!(archives.get(&path).await.expect(200)["reason"], reason);

    assert_eq!(archives.order(&file).await["state"], "pending");
    let again = archives.orders(1).await;
    assert_ne!(again[0].job.job_id, orders[0].job.job_id);
    let bytes = pdf(&[&[(72, 720, "Open")]]);
    archives.work(&orders[0], &bytes).await;
    assert_eq!(archives.get(&path).await.expect(200)["state"], "pending", "the job that was replaced has no effect");
    archives.work(&again[0], &bytes).await;
    assert_eq!(archives.get(&path).await.expect(200)["page_count"], 1);
}

#[tokio::test]
async fn an_order_is_taken_as_a_whole_or_not_at_all() {
    let archives = Archives::start().await;
    let file = archives.upload("a.pdf", pdf(&[&[]])).await;
    let nothing = archives.product.platform.ambient.uuid();
    for (ids, field) in
        [(json!([file, nothing]), "file_ids[1]"), (json!([]), "file_ids"), (json!(vec![&file; 1_001]), "file_ids")]
    {
        archives.post("/v1/extractions", &json!({"file_ids": ids})).send().await.invalid(&[field]);
    }
    assert_eq!(archives.get("/v1/extractions").await.expect(200)["items"], json!([]));
    let twice = archives.post("/v1/extractions", &json!({"file_ids": [file, file]})).send().await.expect(202);
    assert_eq!(twice["items"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn a_file_that_is_deleted_takes_all_that_was_read_of_it() {
    let archives = Archives::start().await;
    let bytes = pdf(&[&[(72, 720, "Gone")]]);
    let (read, waiting) =
        (archives.upload("a.pdf", bytes.clone()).await, archives.upload("b.pdf", bytes.clone()).await);
    for file in [&read, &waiting] {
        archives.order(file).await;
    }
    let orders = archives.orders(2).await;
    let of = |file: &str| {
        orders.iter().find(|order| order.command.objects[0].key.to_string().ends_with(file)).expect("its order")
    };
    archives.work(of(&read), &bytes).await;
    for file in [&read, &waiting] {
        archives.product.server.delete(&format!("/v1/files/{file}")).bearer(&archives.ada).send().await.expect(204);
    }
    archives.work(of(&waiting), &bytes).await;
    assert_eq!(archives.get("/v1/extractions").await.expect(200)["items"], Value::Array(Vec::new()));
    let pages: i64 =
        sqlx::query_scalar("SELECT count(*) FROM pages").fetch_one(&mut archives.role().await).await.unwrap();
    assert_eq!(pages, 0);
}
