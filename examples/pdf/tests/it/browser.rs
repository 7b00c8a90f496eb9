//! The archive in a real browser: files go straight to the bucket, and the list follows what becomes of them.

use crate::{
    samples::{encrypted, pdf},
    support::Archives,
};
use anyhow::{Result, ensure};
use fantoccini::{Client, Locator};
use std::{env, fs, path::PathBuf, time::Duration};
use test_support::Browser;

const PATIENCE: Duration = Duration::from_secs(30);
/// Where the screenshot of a failure is left.
const SCREENSHOT: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/archive.png");

#[tokio::test]
async fn files_are_uploaded_followed_and_read() {
    let archives = Archives::start().await;
    let folder = env::temp_dir().join(format!("{}-files", archives.product.platform.name));
    fs::create_dir(&folder).unwrap();
    let files = [("invoice.pdf", invoice()), ("secret.pdf", encrypted())].map(|(name, bytes)| {
        let file = folder.join(name);
        fs::write(&file, bytes).unwrap();
        file
    });
    let browser = Browser::start("archive").await;
    let seen = story(&archives, &browser.page, &files).await;
    fs::remove_dir_all(&folder).unwrap();
    if let Err(fault) = seen {
        fs::write(SCREENSHOT, browser.page.screenshot().await.unwrap_or_default()).unwrap();
        panic!("{fault:#}; what the browser showed is in {SCREENSHOT}");
    }
    browser.close().await;
}

fn invoice() -> Vec<u8> {
    let rows = [(680, "Item", "Price"), (664, "Kettle", "9.50"), (648, "Cup", "0.50")];
    let cells = rows.into_iter().flat_map(|(y, item, price)| [(72, y, item), (300, y, price)]);
    pdf(&[&[&[(72, 720, "Invoice 17")][..], &cells.collect::<Vec<_>>()].concat()])
}

async fn story(archives: &Archives, page: &Client, files: &[PathBuf]) -> Result<()> {
    let home = format!("{}/", archives.product.server.url);
    page.goto(&home).await?;
    shows(page, "//h1[. = 'Sign in']").await?;
    page.find(Locator::Id("token")).await?.send_keys(&archives.ada).await?;
    page.find(Locator::Css("main button")).await?.click().await?;
    shows(page, "//p[. = 'There are no files yet.']").await?;

    let paths: Vec<_> = files.iter().map(|file| file.display().to_string()).collect();
    page.find(Locator::Id("files")).await?.send_keys(&paths.join("\n")).await?;
    page.find(Locator::Css("#upload button")).await?.click().await?;
    shows(page, "//li[a = 'invoice.pdf']/*[contains(., 'waiting')]").await?;
    ensure!(page.current_url().await?.as_str() == home, "the list is shown");

    for order in archives.orders(2).await {
        let reads_invoice = archives.name_of(&order).await == "invoice.pdf";
        archives.work(&order, &if reads_invoice { invoice() } else { encrypted() }).await;
    }
    // Without anybody's doing, and without a new page.
    shows(page, "//li[a = 'invoice.pdf']/*[. = '1 page']").await?;
    shows(page, "//li[a = 'secret.pdf']/small[contains(., 'The file is encrypted.')]").await?;
    page.find(Locator::LinkText("invoice.pdf")).await?.click().await?;
    shows(page, "//pre[contains(., 'Invoice 17')]").await?;
    shows(page, "//td[. = 'Kettle']/following-sibling::td[. = '9.50']").await?;

    page.back().await?;
    page.find(Locator::LinkText("secret.pdf")).await?.click().await?;
    shows(page, "//button[. = 'Try again']").await?.click().await?;
    shows(page, "//p[contains(., 'Waiting to be read')]").await?;
    Ok(())
}

async fn shows(page: &Client, xpath: &str) -> Result<fantoccini::elements::Element> {
    Ok(page.wait().at_most(PATIENCE).for_element(Locator::XPath(xpath)).await?)
}
