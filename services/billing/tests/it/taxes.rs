//! Tests of taxes on invoices: by where the buyer is, to the cent, on paper and in every sum.

use crate::{
    documents_world::{document, download, text},
    payments_world::Heard,
    taxes_world::{Taxing, details, sums, taxes, validate},
    world::Customer,
};
use contracts::messages::SendMail;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use test_support::tenant_walls;

/// The text of the invoice's PDF, and its XML, which is valid.
async fn papers(taxing: &Taxing, ada: &Customer, invoice: &Value) -> (String, String) {
    let id = invoice["id"].as_str().unwrap();
    let files = document(&taxing.world, ada, id).await;
    let (pdf, _) = download(&files["pdf"]).await;
    let (xml, _) = download(&files["xml"]).await;
    validate(&xml);
    (text(&pdf, id), String::from_utf8(xml).unwrap())
}

fn says(paper: &str, said: &[&str]) {
    for text in said {
        assert!(paper.contains(text), "{text} is not in\n{paper}");
    }
}

#[tokio::test]
async fn at_home_discounts_are_taken_off_before_tax_and_credits_pay_after_it() {
    let taxing = Taxing::start().await;
    let world = &taxing.world;
    let mut heard = Heard::listen(world).await;
    let ada = taxing.used("DE", Some("DE123456789")).await;
    let rate = taxing.standard(&ada, "DE", "19").await;
    world.grant(&ada, "discounts", &json!({"title": "Partner", "percent": "10"})).await;
    world.grant(&ada, "credits", &json!({"title": "Outage", "amount_minor": 100, "currency": "EUR"})).await;
    let preview = taxing.preview(&ada).await.expect(200);
    let invoice = world.close(&ada, &ada.cycle).await;
    // 136 less 14 is 122, of which 19 % are 23.18.
    assert_eq!((sums(&invoice), taxes(&invoice)), ([136, 23, 45], vec![("S", "DE", "19", 122, 23)]));
    assert_eq!((sums(&preview), taxes(&preview)), (sums(&invoice), taxes(&invoice)));
    assert_eq!(invoice["adjustments"][1]["base_minor"], 145);
    let part = &invoice["taxes"][0]["parts"][0];
    assert_eq!((&part["tax_rate_id"], &part["period_end"]), (&rate["id"], &invoice["period_end"]));
    assert_eq!(invoice["lines"][0]["tax_group"], "standard");

    let (page, xml) = papers(&taxing, &ada, &invoice).await;
    says(&page, &["VAT 19%", "DE987654321", "DE123456789", "EUR 0.45"]);
    let said = ["<ram:CategoryCode>S</ram:CategoryCode>", ">0.23</ram:TaxTotalAmount>", ">1.45</ram:GrandTotalAmount>"];
    says(&xml, &said);

    let path = format!("/v1/invoices/{}/cost-and-usage", invoice["id"].as_str().unwrap());
    let report = world.server.get(&path).bearer(&ada.token).send().await.text;
    let row = report.lines().find(|row| row.contains(",Tax,")).expect("a row of the tax");
    assert!(row.contains(",0.23,\"VAT 19 %, DE\""), "{row}");
    let of_invoice = |mail: &SendMail| mail.key == format!("invoice:{}", invoice["id"].as_str().unwrap());
    let said = heard.of::<SendMail>(world, 1, of_invoice).await[0].mail.variables().unwrap();
    let amounts = said["lines"].as_array().unwrap().iter().map(|line| line["amount"].as_str().unwrap());
    let sum: Decimal = amounts.map(|amount| amount.parse::<Decimal>().unwrap()).sum();
    assert_eq!((said["total"].as_str(), sum.to_string()), (Some("0.45"), "0.45".into()));
    tenant_walls(&world.platform, &["invoice_tax"]).await;
}

#[tokio::test]
async fn a_business_of_another_member_state_owes_the_tax() {
    let taxing = Taxing::start().await;
    let ada = taxing.used("FR", Some("FR40303265045")).await;
    let invoice = taxing.world.close(&ada, &ada.cycle).await;
    assert_eq!((sums(&invoice), taxes(&invoice)), ([136, 0, 136], vec![("AE", "FR", "0", 136, 0)]));
    assert_eq!(invoice["taxes"][0]["buyer_vat_id"], "FR40303265045");
    let (page, xml) = papers(&taxing, &ada, &invoice).await;
    says(&page, &["Reverse charge", "DE987654321", "FR40303265045"]);
    says(&xml, &["<ram:CategoryCode>AE</ram:CategoryCode>", "VATEX-EU-AE", "Article 196 of Directive 2006/112/EC"]);
}

#[tokio::test]
async fn a_consumer_of_another_member_state_pays_the_tax_of_that_state() {
    let taxing = Taxing::start().await;
    let ada = taxing.used("FR", None).await;
    taxing.standard(&ada, "DE", "19").await;
    taxing.standard(&ada, "FR", "20").await;
    let invoice = taxing.world.close(&ada, &ada.cycle).await;
    assert_eq!((sums(&invoice), taxes(&invoice)), ([136, 27, 163], vec![("S", "FR", "20", 136, 27)]));
    let (page, _) = papers(&taxing, &ada, &invoice).await;
    says(&page, &["VAT 20%", "EUR 1.63"]);
}

#[tokio::test]
async fn outside_of_the_union_there_is_no_tax_and_nobodys_identifier() {
    let taxing = Taxing::start().await;
    let ada = taxing.used("GB", Some("GB123456789")).await;
    let invoice = taxing.world.close(&ada, &ada.cycle).await;
    assert_eq!((sums(&invoice), taxes(&invoice)), ([136, 0, 136], vec![("O", "GB", "0", 136, 0)]));
    let (page, xml) = papers(&taxing, &ada, &invoice).await;
    says(&page, &["Not subject to VAT", "HRB 98765"]);
    says(&xml, &["<ram:CategoryCode>O</ram:CategoryCode>"]);
    assert!(!xml.contains("DE987654321") && !xml.contains("GB123456789"), "{xml}");
}

/// A customer who used the forum for an hour, at the standard rate, and wrote 200 posts, at a reduced one: 10.00 each.
async fn of_two_groups(taxing: &Taxing) -> Customer {
    let world = &taxing.world;
    let hours = json!({"kind": "feature", "name": "forum", "title": "Forum", "unit": "hour", "currency": "EUR",
        "charge": {"model": "per_hour", "price": "10"}});
    let posts = json!({"kind": "meter", "name": "forum.posts", "title": "Posts", "unit": "post", "currency": "EUR",
        "charge": {"model": "per_unit", "price": "0.05"}, "tax_group": "reduced"});
    let ada = world.team(&[hours, posts]).await;
    details(world, &ada, "DE", None).await;
    world.say(&world.disabled(&ada, "forum", 3600)).await;
    world.features(&ada, &[("forum", 0, Some(3600))]).await;
    world.say(&world.posts(&ada, "posts:1", 200, 10)).await;
    world.metered(&ada, "200").await;
    taxing.standard(&ada, "DE", "19").await;
    ada
}

fn reduced() -> Value {
    json!({"country": "DE", "tax_group": "reduced", "percent": "7", "valid_from": "2020-01-01"})
}

#[tokio::test]
async fn each_group_of_rates_is_taxed_by_its_own() {
    let taxing = Taxing::start().await;
    let world = &taxing.world;
    let ada = of_two_groups(&taxing).await;
    world.grant(&ada, "discounts", &json!({"title": "Partner", "percent": "10"})).await;
    taxing.parked(&ada, "tax_rate_missing:DE:reduced").await;
    taxing.rate(&ada, &reduced()).await.expect(201);
    let invoice = world.invoice(&ada, &ada.cycle).await;
    assert_eq!(taxes(&invoice), [("S", "DE", "19", 900, 171), ("S", "DE", "7", 900, 63)]);
    assert_eq!(sums(&invoice), [2000, 234, 2034]);
    let (page, xml) = papers(&taxing, &ada, &invoice).await;
    says(&page, &["VAT 19%", "VAT 7%", "EUR 20.34"]);
    assert_eq!(xml.matches("<ram:SpecifiedTradeAllowanceCharge>").count(), 2, "{xml}");
}

/// 10.00 less a cycle, whatever of it is when: of 10.00 and 30.00 they are 2.50 and 7.50.
#[tokio::test]
async fn what_is_late_is_taxed_as_it_would_have_been_in_time() {
    let taxing = Taxing::start().await;
    let world = &taxing.world;
    let ada = of_two_groups(&taxing).await;
    taxing.rate(&ada, &reduced()).await.expect(201);
    let fixed = json!({"title": "Start", "amount_minor": 1000, "currency": "EUR"});
    world.grant(&ada, "discounts", &fixed).await;
    let first = world.close(&ada, &ada.cycle).await;
    assert_eq!(taxes(&first), [("S", "DE", "19", 500, 95), ("S", "DE", "7", 500, 35)]);
    world.say(&world.posts(&ada, "posts:2", 400, 20)).await;
    world.metered(&ada, "400").await;
    let second = world.close(&ada, &world.open_cycle(ada.tenant, &ada.token).await).await;
    assert_eq!(taxes(&second), [("S", "DE", "19", 250, 48), ("S", "DE", "7", 1750, 123)]);
    papers(&taxing, &ada, &second).await;
}

#[tokio::test]
async fn what_is_taken_back_gives_its_tax_back() {
    let taxing = Taxing::start().await;
    let world = &taxing.world;
    let ada = world.customer_with_forum().await;
    details(world, &ada, "DE", None).await;
    taxing.standard(&ada, "DE", "19").await;
    let first = world.close(&ada, &ada.cycle).await;
    // It was on for an hour, as becomes known now: 36 cents, and 7 of tax.
    world.say(&world.disabled(&ada, "forum", 3600)).await;
    world.features(&ada, &[("forum", 0, Some(3600))]).await;
    let second = world.close(&ada, &world.open_cycle(ada.tenant, &ada.token).await).await;
    let [_, tax, total] = sums(&second);
    assert!(tax < 0 && total == 0, "{second}");
    assert_eq!(first["tax_minor"].as_i64().unwrap() + tax, 7);
    assert_eq!(world.balances(&ada).await, [first["total_minor"].as_i64().unwrap() - 43]);
    let (page, _) = papers(&taxing, &ada, &second).await;
    says(&page, &["are left to you as a credit"]);
}

#[tokio::test]
async fn who_owes_nothing_needs_no_details() {
    let taxing = Taxing::start().await;
    let world = &taxing.world;
    let ada = world.customer().await;
    let invoice = world.close(&ada, &ada.cycle).await;
    assert_eq!((sums(&invoice), taxes(&invoice)), ([0, 0, 0], vec![]));
    details(world, &ada, "FR", None).await;
    let (page, xml) = papers(&taxing, &ada, &invoice).await;
    says(&page, &["Nothing was used in this period", "Nothing is charged."]);
    says(&xml, &["<ram:CategoryCode>E</ram:CategoryCode>"]);
}
