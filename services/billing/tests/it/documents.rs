//! Tests of documents: each numbered invoice has one, which says what the invoice says, and only its tenant gets it.

use crate::{
    documents_world::{Rendering, answer, document, download, give_details, settings, text},
    payments_world::{Paying, invoiced},
    stripe::{FakeStripe, SECRET_KEY, WEBHOOK_SECRETS},
    world::World,
};
use serde_json::{Value, json};
use test_support::{TestBucket, tenant_walls};

#[tokio::test]
async fn a_document_says_what_its_invoice_says_and_only_its_tenant_gets_it() {
    let Rendering { world, bucket: _bucket } = Rendering::start().await;
    let (ada, eve) = (world.customer().await, world.customer().await);
    give_details(&world, &ada).await;
    let id = invoiced(&world, &ada).await;
    let files = document(&world, &ada, &id).await;
    let invoice = world.get(&ada.token, &format!("/v1/invoices/{id}")).await;
    let number = invoice["number"].as_str().unwrap();
    assert_eq!((&files["number"], &files["invoice_id"]), (&invoice["number"], &invoice["id"]));

    let (pdf, disposition) = download(&files["pdf"]).await;
    assert_eq!(disposition, format!("attachment;filename=invoice-{number}.pdf"));
    let page = text(&pdf, number);
    for said in [
        number,
        "Acme & Söhne GmbH",
        "10115 Berlin",
        "PO-4711",
        "Sevenleague GmbH",
        "DE89 3704 0044 0532 0130 00",
        "Exempt under section 19 UStG (small business).",
        "Please pay EUR 0.74 by",
    ] {
        assert!(page.contains(said), "{said} is not in\n{page}");
    }
    // Two hours at 0.36, and three posts at 0.005.
    let line = |name: &str| page.lines().find(|line| line.contains(name)).unwrap_or_else(|| panic!("{name}: {page}"));
    assert!(line("per hour").contains("0.36") && line("per post").contains("0.005"), "{page}");

    let (xml, _) = download(&files["xml"]).await;
    let xml = String::from_utf8(xml).unwrap();
    for said in [
        format!("<ram:ID>{number}</ram:ID>"),
        "<ram:GrandTotalAmount>0.74</ram:GrandTotalAmount>".into(),
        "<ram:CategoryCode>E</ram:CategoryCode>".into(),
    ] {
        assert!(xml.contains(&said), "{said} is not in\n{xml}");
    }
    answer(&world, &eve, &id).await.problem(404, "invoice_not_found");
    tenant_walls(&world.platform, &["invoice_document"]).await;
}

#[tokio::test]
async fn without_details_a_document_waits_for_them() {
    let rendering = Rendering::start().await;
    let world = &rendering.world;
    let (ada, eve) = (world.customer().await, world.customer().await);
    let id = invoiced(world, &ada).await;
    let refused = |document: &Value| document["state"] == "refused";
    let seen = rendering.seen(&ada, "it is refused", refused).await;
    assert_eq!((&seen["refusal"], &seen["invoice_id"]), (&json!("details_missing"), &json!(id)));
    answer(world, &ada, &id).await.problem(404, "billing_details_missing");
    // Somebody else's details are nothing to it, and neither is a try without any.
    give_details(world, &eve).await;
    rendering.render(&eve, &id).await.expect(202);
    rendering.seen(&ada, "it is refused again", refused).await;
    give_details(world, &ada).await;
    let files = document(world, &ada, &id).await;
    let (pdf, _) = download(&files["pdf"]).await;
    assert!(text(&pdf, &id).contains("Acme & Söhne GmbH"));
    // What is there stays as it is, whoever asks.
    assert_eq!(rendering.render(&eve, &id).await.expect(202)["state"], "rendered");
    let nobodys = world.platform.tenant().to_string();
    rendering.render(&eve, &nobodys).await.problem(404, "invoice_not_found");
}

#[tokio::test]
async fn where_nobody_sells_there_is_no_document_until_somebody_does() {
    let world = World::start().await;
    let ada = world.customer().await;
    give_details(&world, &ada).await;
    let invoice = world.close(&ada, &ada.cycle).await;
    let id = invoice["id"].as_str().unwrap();
    answer(&world, &ada, id).await.problem(404, "documents_not_configured");
    world.counted("SELECT count(*) FROM invoice_payment", 1).await;

    let bucket = TestBucket::make().await;
    let mut env = world.settings.clone();
    env.extend(settings(&bucket).into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())));
    let World { platform, server, .. } = world;
    server.stop().await.unwrap();
    let world = World::of(platform, env).await;
    let files = document(&world, &ada, id).await;
    let (pdf, _) = download(&files["pdf"]).await;
    let page = text(&pdf, id);
    assert!(page.contains("Nothing was used in this period") && !page.contains("Please pay"), "{page}");
}

#[tokio::test]
async fn who_is_charged_is_not_asked_to_transfer() {
    let stripe = FakeStripe::start().await;
    let secrets = WEBHOOK_SECRETS.join(",");
    let paid_by =
        [("STRIPE_URL", stripe.url.as_str()), ("STRIPE_SECRET_KEY", SECRET_KEY), ("STRIPE_WEBHOOK_SECRETS", &secrets)];
    let Rendering { world, bucket: _bucket } = Rendering::start_with(&paid_by).await;
    let paying = Paying { world, stripe };
    let world = &paying.world;
    let ada = world.customer().await;
    give_details(world, &ada).await;
    paying.set_method(&ada, "pm_card4242").await.expect(200);
    let id = invoiced(world, &ada).await;
    let files = document(world, &ada, &id).await;
    let page = text(&download(&files["pdf"]).await.0, &id);
    assert!(page.contains("please do not transfer it") && !page.contains("IBAN"), "{page}");

    // Who has begun to set a method up, and not set it, is asked.
    let bob = world.customer().await;
    give_details(world, &bob).await;
    paying.gives(&bob, "pm_card4242").await;
    let id = invoiced(world, &bob).await;
    let files = document(world, &bob, &id).await;
    let page = text(&download(&files["pdf"]).await.0, &id);
    assert!(page.contains("IBAN"), "{page}");
}

#[tokio::test]
async fn what_is_paid_is_not_asked_for() {
    let Rendering { world, bucket: _bucket } = Rendering::start().await;
    let ada = world.customer().await;
    let id = invoiced(&world, &ada).await;
    let transfer = json!({"reference": "Statement 7", "amount_minor": 74, "currency": "EUR"});
    let path = format!("/v1/invoices/{id}/payments");
    world.counted("SELECT count(*) FROM invoice_payment", 1).await;
    world.server.post(&path, &transfer).bearer(&ada.token).send().await.expect(200);
    give_details(&world, &ada).await;
    let files = document(&world, &ada, &id).await;
    let page = text(&download(&files["pdf"]).await.0, &id);
    assert!(page.contains("The amount is paid; please do not transfer it.") && !page.contains("IBAN"), "{page}");
}

#[tokio::test]
async fn only_operators_see_and_mend_the_documents_of_all() {
    let rendering = Rendering::start().await;
    let world = &rendering.world;
    let ada = world.customer().await;
    let id = invoiced(world, &ada).await;
    rendering.seen(&ada, "it is refused", |document| document["state"] == "refused").await;
    let rendered = world.get(&ada.token, "/v1/invoice-documents?state=rendered").await;
    assert_eq!(rendered["items"], json!([]));
    let reader = world.platform.user(ada.tenant, &["billing.readInvoices"]).await.token;
    let list = world.server.get("/v1/invoice-documents").bearer(&reader).send().await;
    list.problem(403, "permission_missing");
    let render = world.server.post(&format!("/v1/invoices/{id}/document/render"), &()).bearer(&reader).send().await;
    render.problem(403, "permission_missing");
}
