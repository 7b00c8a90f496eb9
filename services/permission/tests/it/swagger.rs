//! Tests of Swagger UI, in a real browser, as an operator tries an operation out.

use crate::support::World;
use anyhow::{Context, ensure};
use axum::{Json, Router, routing::get};
use fantoccini::{Client, Locator};
use serde_json::json;
use std::time::Duration;
use test_support::{Browser, TestPlatform};
use tokio::net::TcpListener;

const PATIENCE: Duration = Duration::from_secs(30);
const OPERATION: &str = "#operations-me-listMyPermissions";
/// Where the screenshot of a failure is left.
const SCREENSHOT: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/swagger.png");

#[tokio::test]
async fn an_operator_authorizes_once_and_tries_an_operation_out() {
    let (world, ada) = World::with_owner().await;
    let browser = Browser::start("swagger").await;
    if let Err(fault) = try_out(&browser.page, &world.server.url, &ada.token).await {
        let picture = browser.page.screenshot().await.unwrap_or_default();
        std::fs::write(SCREENSHOT, picture).unwrap();
        panic!("{fault:#}; what the browser showed is in {SCREENSHOT}");
    }
    browser.close().await;
}

#[tokio::test]
async fn the_documents_of_other_services_are_in_the_selector() {
    let platform = TestPlatform::of::<permission::Permission>().await;
    let other = another_service(&platform).await;
    let mut variables = platform.env();
    variables.insert("SERVICE_DOCUMENTS".into(), format!("permission=http://127.0.0.1:1,billing={other}"));
    let server = platform.run::<permission::Permission>(variables).await;
    let browser = Browser::start("selector").await;
    let own = wait_for_title(&browser.page, &format!("{}/docs", server.url), "Permission").await;
    let others =
        wait_for_title(&browser.page, &format!("{}/docs/?urls.primaryName=billing", server.url), "Bills").await;
    browser.close().await;
    own.and(others).unwrap();
}

/// A service that says of itself that it is called 'Bills', to pages of any origin. Gives its origin.
async fn another_service(platform: &TestPlatform) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let document = json!({"openapi": "3.1.0", "info": {"title": "Bills", "version": "1"}, "paths": {}});
    let answer = async || ([("access-control-allow-origin", "*")], Json(document));
    let router = Router::new().route("/openapi.json", get(answer));
    platform.spawn(async move { axum::serve(listener, router).await.unwrap() });
    origin
}

/// Opens a page and waits until the selector is there and the document's title.
async fn wait_for_title(page: &Client, url: &str, title: &str) -> anyhow::Result<()> {
    page.goto(url).await?;
    wait_for(page, "#select").await?;
    let xpath = format!("//*[contains(@class, 'info')]//*[contains(@class, 'title') and contains(., '{title}')]");
    let wait = page.wait().at_most(PATIENCE).for_element(Locator::XPath(&xpath)).await;
    wait.map(drop).with_context(|| format!("waiting for {title} on {url}"))
}

async fn try_out(page: &Client, url: &str, token: &str) -> anyhow::Result<()> {
    page.goto(&format!("{url}/docs")).await?;
    click(page, ".btn.authorize.unlocked").await?;
    let form = wait_for(page, ".auth-container:has(#auth-bearer-value)").await?;
    form.find(Locator::Css("#auth-bearer-value")).await?.send_keys(token).await?;
    form.find(Locator::Css(".btn.auth.authorize")).await?.click().await?;
    click(page, ".btn.btn-done").await?;

    let mut tags = Vec::new();
    for section in page.find_all(Locator::Css(".opblock-tag")).await? {
        tags.extend(section.attr("data-tag").await?);
    }
    ensure!(
        tags.len() > 2 && tags.iter().position(|tag| tag == "internal") == Some(tags.len() - 1),
        "what is internal stands last: {tags:?}"
    );

    page.refresh().await?;
    wait_for(page, ".btn.authorize.locked").await.context("the token is kept across a reload")?;
    click(page, &format!("{OPERATION} .opblock-summary-control")).await?;
    click(page, &format!("{OPERATION} .btn.execute")).await?;
    let status = wait_for(page, &format!("{OPERATION} .live-responses-table tr.response .response-col_status"))
        .await?
        .text()
        .await?;
    ensure!(status.starts_with("200"), "the live response has status {status}");
    let answer = wait_for(page, &format!("{OPERATION} .live-responses-table tr.response .response-col_description"))
        .await?
        .text()
        .await?;
    ensure!(answer.contains("\"permission.readRoles\""), "the live response is {answer}");
    let shown = wait_for(page, OPERATION).await?.text().await?;
    ensure!(shown.contains("Every permission that the caller has"), "the prose is not shown: {shown}");
    Ok(())
}

/// The element, once it is there.
async fn wait_for(page: &Client, selector: &str) -> anyhow::Result<fantoccini::elements::Element> {
    page.wait()
        .at_most(PATIENCE)
        .for_element(Locator::Css(selector))
        .await
        .with_context(|| format!("waiting for {selector}"))
}

async fn click(page: &Client, selector: &str) -> anyhow::Result<()> {
    wait_for(page, selector).await?.click().await.with_context(|| format!("clicking {selector}"))
}
