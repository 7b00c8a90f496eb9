//! Step 6: how does an instance become somebody's forum?

use super::{
    enabling::{self, Instance},
    guide::{Guide, PATIENCE},
    http::Call,
    sessions::Session,
};
use anyhow::{Result, ensure};
use std::time::{Duration, Instant};

/// Made by the seed, so nobody pays for them.
pub const SAMPLE_POSTS: u32 = 40;
pub const WELCOME: &str = "Everything about kettles";
const LOOK: Duration = Duration::from_millis(20);

pub async fn fill_in(guide: &Guide, ada: &Session, instance: &Instance) -> Result<()> {
    let title = title(guide);
    page(guide, &instance.host)
        .page(&["<form", "action=\"/setup\"", "name=\"title\"", "name=\"welcome\"", "name=\"setup_code\""])
        .await?;
    guide.saw(format!("GET / on {}: the setup form, as the manifest describes it", instance.host));

    let wrong = form(guide, instance, "ZZZZZZZZ", "", "5000").send().await?.has(422)?;
    wrong.shows(&["role=\"alert\"", "value=\"5000\""])?;
    let wrong = form(guide, instance, &instance.setup_code, "", "5000").send().await?.has(422)?;
    let wrong = wrong.shows(&["is required", "must be at most 1000"])?;
    ensure!(!wrong.text.contains(&title), "the form shows what nobody has filled in");
    guide.saw(
        "submitted with a wrong code, no title and 5000 posts: 422, the form again, saying what is wrong at each field",
    );

    form(guide, instance, &instance.setup_code, &title, &SAMPLE_POSTS.to_string()).send().await?.has(303)?;
    let (waits, took) = until_there(guide, &instance.host).await?;
    ensure!(waits > 0, "nobody was told to wait while the instance was made");
    guide.saw(format!(
        "submitted right: 303; then {waits} times 503 with Retry-After; after {:.1} s the forum",
        took.as_secs_f32()
    ));
    page(guide, &instance.host).page(&[&title, WELCOME]).await?;
    guide.saw(format!("it is called '{title}' and welcomes with '{WELCOME}', as filled in"));
    enabling::wait_until(guide, ada, &instance.id, "active", |_| Ok(())).await?;
    guide.saw("the configurator says active");
    form(guide, instance, &instance.setup_code, "Mallory's", "0").send().await?.has(303)?;
    page(guide, &instance.host).page(&[&title]).await?;
    guide.saw("submitting once more changes nothing");
    Ok(())
}

/// Sets an instance up in one go, for those whose story this is not.
pub async fn complete(guide: &Guide, instance: &Instance, title: &str, sample_posts: u32) -> Result<()> {
    form(guide, instance, &instance.setup_code, title, &sample_posts.to_string()).send().await?.has(303).map(drop)
}

/// Looks until the forum is there: how often one was told to wait, and for how long.
pub async fn until_there(guide: &Guide, host: &str) -> Result<(u32, Duration)> {
    let (began, mut waits) = (Instant::now(), 0);
    loop {
        let answer = page(guide, host).send().await?;
        if answer.status == 200 {
            return Ok((waits, began.elapsed()));
        }
        ensure!(answer.status == 503 && answer.retry_after()? > 0, "{answer} while the instance is made");
        ensure!(began.elapsed() < PATIENCE, "{answer}, still after {} s", began.elapsed().as_secs());
        waits += 1;
        tokio::time::sleep(LOOK).await;
    }
}

pub fn title(guide: &Guide) -> String {
    format!("The kettles of {}", guide.people.ada.tenant)
}

/// The host's first page, as a browser asks for it.
pub fn page(guide: &Guide, host: &str) -> Call {
    guide.get("forum", "/").host(host).browser()
}

fn form(guide: &Guide, instance: &Instance, code: &str, title: &str, posts: &str) -> Call {
    let call = guide.post("forum", "/setup").host(&instance.host).browser();
    call.form(&[("setup_code", code), ("title", title), ("welcome", WELCOME), ("sample_posts", posts)])
}
