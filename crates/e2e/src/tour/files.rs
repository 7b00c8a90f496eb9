//! Step 14: how do a product's jobs run? Two tenants have PDF files read: one as fast as it goes, one ten a minute.

use super::{
    enabling,
    guide::Guide,
    http::{Call, list, number, text},
    people::Owner,
    registration,
    sessions::{self, Session},
    usage,
};
use anyhow::{Context, Result, ensure};
use futures_util::{StreamExt, TryStreamExt, stream};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Instant;

/// Two pages, without the table of places that a whole file ends with: readers mend that.
const TWO_PAGES: &str = "%PDF-1.4
1 0 obj << /Type /Catalog /Pages 2 0 R >> endobj
2 0 obj << /Type /Pages /Count 2 /Kids [4 0 R 5 0 R] /MediaBox [0 0 612 792] >> endobj
3 0 obj << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> endobj
4 0 obj << /Type /Page /Parent 2 0 R /Contents 6 0 R /Resources << /Font << /F1 3 0 R >> >> >> endobj
5 0 obj << /Type /Page /Parent 2 0 R /Contents 6 0 R /Resources << /Font << /F1 3 0 R >> >> >> endobj
6 0 obj << /Length 46 >> stream
BT /F1 12 Tf 72 700 Td (Seventeen kettles) Tj ET
endstream endobj
trailer << /Root 1 0 R >>
%%EOF
";
const TEXT: &str = "Seventeen kettles";
/// The kind of every job that runs a command of a bundle.
const RATE: &str = "/v1/rates/bundle.command";
/// Jobs of the slower tenant in [`SECONDS`].
const RATED: u32 = 10;
const SECONDS: u32 = 60;
/// Files of one order.
const AT_ONCE: usize = 1_000;
/// Uploads at the same time.
const UPLOADS: usize = 16;

/// A tenant with an archive.
struct Archive {
    host: String,
    owner: Session,
    /// Of the owner, for the product.
    token: String,
}

/// `files` are those that each tenant has read.
pub async fn read(guide: &Guide, files: usize) -> Result<()> {
    let people = &guide.people;
    let (grace, heidi) = tokio::try_join!(open(guide, &people.grace, true), open(guide, &people.heidi, false))?;
    refuse(guide, &grace).await?;
    limit(guide, &heidi).await?;
    let (ours, theirs) = tokio::try_join!(upload_all(guide, &grace, files), upload_all(guide, &heidi, files))?;
    let began = Instant::now();
    tokio::try_join!(order(guide, &grace, &ours), order(guide, &heidi, &theirs))?;
    guide.saw(format!("{files} files each ordered by two tenants, accepted in {:.1} s", began.elapsed().as_secs_f32()));

    let read = finished(guide, &grace, files, began).await?;
    let passed = began.elapsed().as_secs_f64();
    let slow = succeeded(guide, &heidi).await?;
    let allowed = passed * f64::from(RATED) / f64::from(SECONDS) + 2.0;
    ensure!((slow as f64) <= allowed, "{slow} of Heidi's files were read in {passed:.1} s, at {RATED} in {SECONDS} s");
    guide
        .saw(format!("Grace's were all read after {read:.1} s, {slow} of Heidi's: hers may be {RATED} in {SECONDS} s"));
    let heidis = format!("/v1/jobs?tenant_id={}&limit=200", heidi.owner.tenant_id);
    // Asked of a worker that can do them: others say only that they are for such a one.
    let jobs = guide.get("pdf-worker", &heidis).bearer(guide.operator()).expect(200).await?;
    let waits = list(&jobs, "/items").iter().filter(|job| job["waits_for"] == "rate").count();
    ensure!(waits > 0, "no job of Heidi's is said to wait for the rate: {jobs}");
    lift(guide, &heidi).await?;
    finished(guide, &heidi, files, Instant::now()).await?;
    guide.saw(format!("the others wait in sight for the rate; without it, all {files} of hers are read as well"));
    counted(guide, &grace, files).await
}

/// An archive of the owner's, ready for use; whoever is not `known` registers first.
async fn open(guide: &Guide, owner: &Owner, known: bool) -> Result<Archive> {
    if !known {
        registration::sign_up(guide, owner).await?;
    }
    let session = sessions::log_in(guide, owner).await?;
    let host = owner.host.replace(".forum.", ".pdf.");
    let instance = enabling::request_of("pdf", guide, &session, &host, &[]).await?;
    let form = [("setup_code", &*instance.setup_code), ("title", "What was printed")];
    guide.post("pdf", "/setup").host(&host).browser().form(&form).send().await?.has(303)?;
    enabling::wait_until(guide, &session, &instance.id, "active", |_| Ok(())).await?;
    let token = sessions::for_product(guide, &session.token, "pdf").await?;
    Ok(Archive { host, owner: session, token })
}

impl Archive {
    fn call(&self, guide: &Guide, method: Method, path: &str) -> Call {
        guide.call(method, "pdf", path).host(&self.host).bearer(&self.token)
    }
}

/// Announces a file and uploads it; gives its id.
async fn upload(guide: &Guide, archive: &Archive, name: &str, bytes: &'static str) -> Result<String> {
    let new = json!({ "name": name, "bytes": bytes.len() });
    let file = archive.call(guide, Method::POST, "/v1/files").json(&new).expect(201).await?;
    let put = guide.http.put(text(&file, "/upload/url")?).body(bytes).send().await.context("the bucket is away")?;
    ensure!(put.status() == 200, "the bucket answers {} to an upload", put.status());
    Ok(text(&file, "/id")?.to_owned())
}

async fn upload_all(guide: &Guide, archive: &Archive, files: usize) -> Result<Vec<String>> {
    let names = stream::iter(0..files).map(|number| format!("kettles-{number}.pdf"));
    names.map(async |name| upload(guide, archive, &name, TWO_PAGES).await).buffer_unordered(UPLOADS).try_collect().await
}

async fn order(guide: &Guide, archive: &Archive, files: &[String]) -> Result<()> {
    for files in files.chunks(AT_ONCE) {
        let order = json!({ "file_ids": files });
        let ordered = archive.call(guide, Method::POST, "/v1/extractions").json(&order).expect(202).await?;
        ensure!(list(&ordered, "/items").len() == files.len(), "{ordered}");
    }
    Ok(())
}

/// What is no PDF fails with a reason that its owner can read, and may be deleted.
async fn refuse(guide: &Guide, archive: &Archive) -> Result<()> {
    let file = upload(guide, archive, "tea.pdf", "This is tea.").await?;
    order(guide, archive, std::slice::from_ref(&file)).await?;
    let path = format!("/v1/files/{file}");
    let failed = async || {
        let file = archive.call(guide, Method::GET, &path).expect(200).await?;
        Ok((file["extraction"]["state"] != "pending").then_some(file))
    };
    let failed = guide.wait("what is no PDF to fail", failed).await?;
    ensure!(failed["extraction"]["state"] == "failed", "{failed}");
    guide.saw(format!("a file that is no PDF: {}", text(&failed, "/extraction/reason")?));
    archive.call(guide, Method::DELETE, &path).send().await?.has(204).map(drop)
}

/// [`RATED`] jobs of the archive's tenant in [`SECONDS`], from now on.
async fn limit(guide: &Guide, archive: &Archive) -> Result<()> {
    let path = rate(archive);
    let rate = guide.get("worker", &path).bearer(guide.operator()).send().await?.has(200)?;
    let etag = rate.header("etag").context("a rate has an ETag")?;
    let body = json!({ "jobs": RATED, "seconds": SECONDS });
    let put = guide.call(Method::PUT, "worker", &path).bearer(guide.operator()).header("if-match", etag);
    put.json(&body).expect(200).await.map(drop)
}

/// As many as there are, as before.
async fn lift(guide: &Guide, archive: &Archive) -> Result<()> {
    guide.delete("worker", &rate(archive)).bearer(guide.operator()).send().await?.has(204).map(drop)
}

fn rate(archive: &Archive) -> String {
    format!("{RATE}?tenant_id={}", archive.owner.tenant_id)
}

/// Waits until as many files are read, each with its two pages; gives the seconds since `began`.
async fn finished(guide: &Guide, archive: &Archive, files: usize, began: Instant) -> Result<f64> {
    let mut read = 0;
    // Each wait is for some progress, so that ten thousand may take their time.
    while is_pending(guide, archive).await? {
        let before = read;
        let more = async || {
            let now = succeeded(guide, archive).await?;
            Ok((now > before || !is_pending(guide, archive).await?).then_some(now))
        };
        read = guide.wait("another file to be read", more).await?;
    }
    let took = began.elapsed().as_secs_f64();
    ensure!(succeeded(guide, archive).await? == files, "of {files} files, not all were read");
    let last = archive.call(guide, Method::GET, "/v1/extractions?limit=1").expect(200).await?;
    let last = list(&last, "/items").first().context("an extraction")?;
    ensure!(number(last, "/page_count")? == 2.0, "{last}");
    let page = format!("/v1/extractions/{}/pages/2", text(last, "/id")?);
    let page = archive.call(guide, Method::GET, &page).expect(200).await?;
    ensure!(page["text"] == TEXT, "{page}");
    Ok(took)
}

/// Whether some file waits to be read.
async fn is_pending(guide: &Guide, archive: &Archive) -> Result<bool> {
    let pending = archive.call(guide, Method::GET, "/v1/extractions?state=pending&limit=1").expect(200).await?;
    Ok(!list(&pending, "/items").is_empty())
}

/// How many files were read.
async fn succeeded(guide: &Guide, archive: &Archive) -> Result<usize> {
    let (mut found, mut cursor) = (0, None::<String>);
    loop {
        let next = cursor.as_ref().map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
        let path = format!("/v1/extractions?state=succeeded&limit=200{next}");
        let page = archive.call(guide, Method::GET, &path).expect(200).await?;
        found += list(&page, "/items").len();
        match page["next_cursor"].as_str() {
            Some(next) => cursor = Some(next.to_owned()),
            None => return Ok(found),
        }
    }
}

/// Billing has each page once.
async fn counted(guide: &Guide, archive: &Archive, files: usize) -> Result<()> {
    let pages = 2.0 * files as f64;
    // What the worker hands over is relayed when somebody next uses the archive.
    archive.call(guide, Method::POST, "/v1/extractions").json(&json!({ "file_ids": [] })).send().await?.has(422)?;
    let counted = async || {
        let usage = usage::of(guide, &archive.owner).await?;
        Ok((units(&usage)? >= pages).then_some(usage))
    };
    let usage = guide.wait(&format!("{pages} pages in Grace's usage"), counted).await?;
    ensure!(units(&usage)? == pages, "{pages} pages were read, and billing has {usage}");
    guide.saw(format!("pdf.pages: {pages}, two a file; what failed costs nothing"));
    Ok(())
}

fn units(usage: &Value) -> Result<f64> {
    let meters = list(usage, "/meters").iter().filter(|meter| meter["meter"] == "pdf.pages");
    meters.map(|meter| number(meter, "/quantity")).sum()
}
