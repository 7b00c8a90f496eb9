//! The product as its document and its manifest say.

use crate::support::{Archives, MANIFEST};
use contracts::manifest::Manifest;
use pdf::Pdf;
use product_kit::product;

#[tokio::test]
async fn bad_requests_get_what_the_document_says() {
    let archives = Archives::start().await;
    let product = &archives.product;
    let document = product::document::<Pdf>();
    test_support::openapi_contract_in(archives.acme, &product.platform, &product.server, &document).await;
}

#[test]
fn the_manifest_is_sound() {
    let manifest = Manifest::parse(MANIFEST).unwrap();
    assert_eq!(manifest.faults(), Vec::<String>::new());
    assert_eq!((&*manifest.meters[0].name, &*manifest.meters[0].table), ("pages", "pages"));
}
