//! What tests of documents stand on: a billing service with a seller and a bucket of its own, and files to be read.

use crate::world::{Customer, World};
use serde_json::{Value, json};
use std::{path::PathBuf, process::Command};
use test_support::{TestAnswer, TestBucket, eventually};

pub const SELLER: [(&str, &str); 12] = [
    ("SELLER_NAME", "Sevenleague GmbH"),
    ("SELLER_ADDRESS", "Große Elbstraße 27; Hinterhaus"),
    ("SELLER_POSTCODE", "22767"),
    ("SELLER_CITY", "Hamburg"),
    ("SELLER_COUNTRY", "DE"),
    ("SELLER_TAX_NUMBER", "22/815/08150"),
    ("SELLER_REGISTRATION", "HRB 98765, Amtsgericht Hamburg"),
    ("SELLER_EMAIL", "billing@sevenleague.test"),
    ("SELLER_IBAN", "DE89370400440532013000"),
    ("SELLER_BIC", "COBADEFFXXX"),
    ("SELLER_VAT_CATEGORY", "E"),
    ("SELLER_VAT_REASON", "Exempt under section 19 UStG (small business)."),
];

pub struct Rendering {
    pub world: World,
    pub bucket: TestBucket,
}

impl Rendering {
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// With more settings.
    pub async fn start_with(more: &[(&str, &str)]) -> Self {
        let bucket = TestBucket::make().await;
        let settings: Vec<_> = settings(&bucket).into_iter().chain(more.iter().copied()).collect();
        let world = World::start_with(&settings).await;
        world.publish_forum().await;
        Self { world, bucket }
    }

    /// Asks for the document as an operator, who may be of any tenant.
    pub async fn render(&self, operator: &Customer, invoice: &str) -> TestAnswer {
        let path = format!("/v1/invoices/{invoice}/document/render");
        self.world.server.post(&path, &()).bearer(&operator.token).send().await
    }

    /// What operators see of the tenant's only document, once it is so.
    pub async fn seen(&self, ada: &Customer, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let path = format!("/v1/invoice-documents?tenant_id={}", ada.tenant);
        eventually(what, async || {
            let page = self.world.get(&ada.token, &path).await;
            page["items"].as_array().expect("items").first().filter(|document| is_so(document)).cloned()
        })
        .await
    }
}

/// Of a service with that bucket.
pub fn settings(bucket: &TestBucket) -> Vec<(&str, &str)> {
    SELLER.into_iter().chain([("DOCUMENTS_BUCKET", bucket.name.as_str())]).collect()
}

pub async fn answer(world: &World, ada: &Customer, invoice: &str) -> TestAnswer {
    world.server.get(&format!("/v1/invoices/{invoice}/document")).bearer(&ada.token).send().await
}

/// The files of the invoice's document, once they are there.
pub async fn document(world: &World, ada: &Customer, invoice: &str) -> Value {
    eventually("the document is made", async || {
        let answer = answer(world, ada, invoice).await;
        (answer.status == 200).then_some(answer.json)
    })
    .await
}

/// Nobody has another one in store: with these details documents are made.
pub async fn give_details(world: &World, ada: &Customer) {
    let body = json!({"time_zone": "Europe/Berlin", "anchor_day": 1, "details": {
        "legal_name": "Acme & Söhne GmbH", "address_lines": ["Hauptstraße 1"], "postcode": "10115", "city": "Berlin",
        "country": "DE", "vat_id": "DE123456789", "order_reference": "PO-4711"}});
    world.server.put("/v1/account", &body).bearer(&ada.token).header("if-match", "*").send().await.expect(200);
}

/// A file as a browser gets it: its content, and what it is saved as.
pub async fn download(file: &Value) -> (Vec<u8>, String) {
    let answer = reqwest::get(file["url"].as_str().expect("a URL")).await.expect("S3 answers");
    assert_eq!(answer.status(), 200, "{file}");
    let header = |name: &str| answer.headers()[name].to_str().expect("text").to_owned();
    assert_eq!(header("content-type"), file["media_type"].as_str().unwrap());
    let disposition = header("content-disposition");
    let content = answer.bytes().await.expect("a body").to_vec();
    assert_eq!(content.len() as u64, file["bytes"]);
    assert_eq!(hex::encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &content)), file["sha256"]);
    (content, disposition)
}

/// The text of a PDF as poppler reads it, line by line.
pub fn text(pdf: &[u8], name: &str) -> String {
    let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.pdf"));
    std::fs::write(&file, pdf).expect("a file");
    let output = Command::new("pdftotext").args(["-layout", "-enc", "UTF-8"]).arg(&file).arg("-").output();
    let output = output.expect("`cargo xtask test` installs poppler");
    std::fs::remove_file(file).expect("it is there");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}
