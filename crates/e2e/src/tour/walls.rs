//! Step 17: does anything of a tenant's open to another tenant's token?

mod crawler;
mod crossing;
mod known;
mod sample;
mod spec;

use super::{guide::Guide, registration, sessions, sessions::Session};
use anyhow::{Result, ensure};
use crawler::{Crawler, changes};
use crossing::Crossing;
use known::Known;
use spec::PRODUCT;

pub async fn cross(guide: &Guide, ada: &Session) -> Result<()> {
    let operations = spec::read_all()?;
    let hosts = [&*guide.people.ada.host, &*guide.people.crash_host];
    let crawler = Crawler { guide, operations: &operations, owner: ada, hosts: &hosts };
    let (mut known, _) = crawler.crawl(Known::default()).await?;
    crawler.furnish(&mut known).await?;
    let (known, before) = crawler.crawl(known).await?;
    guide.saw(format!(
        "Ada's tenant: {} ids and names, by {} requests of hers and of the operator's",
        known.secrets(),
        before.len()
    ));

    let mallory = &guide.people.mallory;
    registration::sign_up(guide, mallory).await?;
    let session = sessions::log_in(guide, mallory).await?;
    guide.saw(format!(
        "{}, owner of {}, takes every id to every operation in openapi/*.json",
        mallory.email, mallory.tenant
    ));
    let product_token = sessions::for_product(guide, &session.token, PRODUCT).await?;
    guide.saw(Crossing::new(guide, &known, &hosts, &session, &product_token).cross(&operations).await?);

    let (_, after) = crawler.crawl(known.clone()).await?;
    let changes = changes(&before, &after);
    ensure!(changes.is_empty(), "something of Ada's is not as it was:\n      {}", changes.join("\n      "));
    guide.saw("all that Ada sees is as it was before");
    crawler.stop(&known).await?;
    Ok(())
}
