//! What tests of taxes stand on: a billing service whose seller charges VAT, in Germany.

use crate::{
    documents_world::SELLER,
    world::{Customer, World},
};
use serde_json::{Value, json};
use std::{
    io::Write,
    process::{Command, Stdio},
};
use test_support::{TestAnswer, TestBucket, eventually};

const CHARGING: [(&str, &str); 2] = [("SELLER_VAT_CATEGORY", "S"), ("SELLER_VAT_ID", "DE987654321")];

pub struct Taxing {
    pub world: World,
    _bucket: TestBucket,
}

impl Taxing {
    pub async fn start() -> Self {
        let bucket = TestBucket::make().await;
        let seller = SELLER.into_iter().filter(|(name, _)| !name.starts_with("SELLER_VAT_"));
        let settings: Vec<_> = seller.chain(CHARGING).chain([("DOCUMENTS_BUCKET", bucket.name.as_str())]).collect();
        let world = World::start_with(&settings).await;
        world.publish_forum().await;
        Self { world, _bucket: bucket }
    }

    /// A customer there who used the forum for an hour, and wrote 200 posts: 136 cents.
    pub async fn used(&self, country: &str, vat_id: Option<&str>) -> Customer {
        let ada = self.world.customer().await;
        details(&self.world, &ada, country, vat_id).await;
        used(&self.world, &ada).await;
        ada
    }

    /// Enters a rate as an operator, who may be of any tenant.
    pub async fn rate(&self, operator: &Customer, body: &Value) -> TestAnswer {
        self.world.server.post("/v1/tax-rates", body).bearer(&operator.token).send().await
    }

    /// That of a country since long ago.
    pub async fn standard(&self, operator: &Customer, country: &str, percent: &str) -> Value {
        let body = json!({"country": country, "tax_group": "standard", "percent": percent, "valid_from": "2020-01-01"});
        self.world.server.post("/v1/tax-rates", &body).bearer(&operator.token).repeated().await.expect(201)
    }

    pub async fn preview(&self, ada: &Customer) -> TestAnswer {
        self.world.server.post("/v1/invoice-previews", &json!({"features": []})).bearer(&ada.token).send().await
    }

    /// Closes the customer's first cycle, which is parked, and waits until it is, for that reason.
    pub async fn parked(&self, ada: &Customer, reason: &str) {
        let path = format!("/v1/cycles/{}/close", ada.cycle);
        self.world.server.post(&path, &()).bearer(&ada.token).send().await.expect(202);
        self.waits_for(ada, reason).await;
    }

    pub async fn waits_for(&self, ada: &Customer, reason: &str) {
        eventually(reason, async || {
            let cycle = self.world.get(&ada.token, &format!("/v1/cycles/{}", ada.cycle)).await;
            (cycle["parked_reason"] == reason).then_some(())
        })
        .await;
    }
}

pub async fn used(world: &World, ada: &Customer) {
    for envelope in
        [world.enabled(ada, "forum", 0), world.disabled(ada, "forum", 3600), world.posts(ada, "posts:1", 200, 10)]
    {
        world.say(&envelope).await;
    }
    world.features(ada, &[("forum", 0, Some(3600))]).await;
    world.metered(ada, "200").await;
}

pub async fn details(world: &World, ada: &Customer, country: &str, vat_id: Option<&str>) {
    let mut body = json!({"time_zone": "Europe/Berlin", "anchor_day": 1, "details": {"legal_name": "Acme",
        "address_lines": ["Main Street 1"], "city": "Springfield", "country": country}});
    if let Some(vat_id) = vat_id {
        body["details"]["vat_id"] = vat_id.into();
    }
    world.server.put("/v1/account", &body).bearer(&ada.token).header("if-match", "*").send().await.expect(200);
}

/// Category, country, percent, taxable amount and tax of each.
pub fn taxes(invoice: &Value) -> Vec<(&str, &str, &str, i64, i64)> {
    let taxes = invoice["taxes"].as_array().unwrap().iter();
    taxes
        .map(|tax| {
            let text = |field: &str| tax[field].as_str().unwrap();
            let number = |field: &str| tax[field].as_i64().unwrap();
            (text("category"), text("country"), text("percent"), number("taxable_minor"), number("tax_minor"))
        })
        .collect()
}

/// Subtotal, tax and total.
pub fn sums(invoice: &Value) -> [i64; 3] {
    ["subtotal_minor", "tax_minor", "total_minor"].map(|field| invoice[field].as_i64().unwrap())
}

/// Panics unless the schema of UN/CEFACT's Cross Industry Invoice (D16B) allows it.
pub fn validate(xml: &[u8]) {
    let schema = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../crates/invoice-document/tests/cii-d16b/data/standard/CrossIndustryInvoice_100pD16B.xsd"
    );
    let mut command = Command::new("xmllint");
    command.args(["--noout", "--nonet", "--schema", schema, "-"]).stdin(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("`cargo xtask test` installs xmllint");
    child.stdin.take().expect("a pipe").write_all(xml).expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
