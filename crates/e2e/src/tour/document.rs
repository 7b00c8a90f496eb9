//! Step 11, the end: the document of the invoice, once somebody has said who it is made out to.

use super::{
    guide::Guide,
    http::{number, text},
    sessions::Session,
};
use anyhow::{Context, Result, ensure};
use reqwest::Method;
use serde_json::{Value, json};

/// Gives Ada's billing details, for which the document of her invoice has waited, and downloads it.
pub async fn download(guide: &Guide, ada: &Session, invoice: &Value) -> Result<()> {
    let path = format!("/v1/invoices/{}/document", text(invoice, "/id")?);
    let ask = || guide.get("billing", &path).bearer(&ada.token);
    guide
        .wait("the document to be refused", async || {
            Ok(ask().send().await?.refused(404, "billing_details_missing").ok())
        })
        .await?;
    let details = json!({"legal_name": "Acme & Söhne GmbH", "address_lines": ["Hauptstraße 1"], "postcode": "10115",
        "city": "Berlin", "country": "DE"});
    let account = json!({"time_zone": "UTC", "anchor_day": 1, "details": details});
    let edit = guide.call(Method::PUT, "billing", "/v1/account").bearer(&ada.token).header("if-match", "*");
    edit.json(&account).expect(200).await?;
    let files = guide.wait("the document", async || Ok(Some(ask().expect(200).await?))).await?;
    let answer = guide.http.get(text(&files, "/pdf/url")?).send().await.context("the bucket is away")?;
    let status = answer.status();
    let pdf = answer.bytes().await.context("the download broke off")?;
    let whole = pdf.starts_with(b"%PDF-") && pdf.len() as f64 == number(&files, "/pdf/bytes")?;
    ensure!(status == 200 && whole, "the bucket answers {status}, {} bytes, to {files}", pdf.len());
    guide.saw(format!("its document waited for Ada's billing details; then: a PDF of {} bytes", pdf.len()));
    Ok(())
}
