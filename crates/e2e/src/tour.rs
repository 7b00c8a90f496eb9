//! The tour: seventeen steps over HTTP against a running stack, each with what was seen; the first thing that is not
//! so ends it.

mod audiences;
mod authenticator;
mod aws;
mod browser;
mod document;
pub mod enabling;
mod files;
mod forged;
pub mod forum;
pub mod guide;
pub mod http;
mod invoice;
mod jwt;
mod leaving;
pub mod mail;
mod messages;
mod oidc;
mod passwords;
pub mod people;
mod planner;
pub mod registration;
mod removal;
mod revocation;
mod second_factor;
pub mod sessions;
pub mod setup;
mod suppression;
mod suspension;
mod takeover;
mod tokens;
mod usage;
mod walls;

use anyhow::{Result, bail};
use guide::Guide;
use local_stack::{
    Options, Stack,
    data::{self, Folder},
    state::{self, State},
    tools::Need,
};
use std::{path::PathBuf, time::Instant};

const STEPS: u32 = 17;
/// Files that two tenants each have read, unless somebody asks for more.
pub const FILES: usize = 20;

async fn story(guide: &Guide, files: usize) -> Result<()> {
    guide.step("Ada registers, with a tenant of her own");
    registration::register(guide).await?;

    guide.step("She confirms her address by mail");
    registration::verify(guide).await?;

    guide.step("She forgets her password; she logs in, stays logged in, logs out; Judy logs in by two factors");
    passwords::forget(guide).await?;
    let ada = sessions::log_in_and_out(guide).await?;
    second_factor::enrol(guide).await?;

    guide.step("Nobody gets in with a token that is not sound, or without the permission");
    tokens::refused(guide, &ada).await?;

    guide.step("She enables the forum, with polls, on a host of her own");
    let instance = enabling::enable(guide, &ada).await?;

    guide.step("She fills in the setup form, and the forum is made");
    setup::fill_in(guide, &ada, &instance).await?;

    guide.step("People use the forum; another tenant's forum knows nothing of it");
    forum::use_it(guide).await?;

    guide.step("Billing knows who uses what since when");
    usage::metered(guide, &ada, &instance).await?;

    guide.step("Ada invites Bob, gives him a role, takes it away, and removes him");
    let bob = revocation::invite_and_revoke(guide, &ada).await?;
    removal::hold_back_and_remove(guide, &ada, &bob).await?;

    guide.step("She removes polls");
    leaving::remove_polls(guide, &ada, &instance).await?;

    guide.step("The operator closes the billing cycle");
    let invoice = invoice::close(guide, &ada).await?;
    document::download(guide, &ada, &invoice).await?;

    guide.step(
        "The invoice is mailed; addresses that bounce or complain get no more mail; who does not pay is suspended",
    );
    suppression::mails(guide, &ada, &invoice).await?;
    suspension::suspend_and_resume(guide, &ada, &instance, &invoice).await?;

    guide.step("A message that comes three times counts once; a malformed one is set aside");
    messages::repeated_and_malformed(guide, &ada, &instance).await?;

    guide.step("Jobs read files for two tenants, at the rate that each has");
    files::read(guide, files).await?;

    guide.step("People sign in to an app that is not ours; a token gets in only where it is for");
    oidc::sign_in(guide, &ada).await?;
    audiences::kept_apart(guide).await?;

    guide.step("A worker dies in the middle of a migration");
    takeover::kill_a_worker(guide, &ada).await?;

    guide.step("Mallory, of another tenant, tries every door with her own token and Ada's ids");
    walls::cross(guide, &ada).await
}

/// Against the stack that `up` runs; without one, or if `own`, against one that lives as long as the tour.
/// Whether all was as the story says; `None` if somebody pressed Ctrl-C.
pub async fn run(data: Option<PathBuf>, own: bool, files: usize) -> Result<Option<bool>> {
    match if own { None } else { running(data.clone())? } {
        Some(state) => {
            println!("touring the running stack in {}", state.folder.display());
            Ok(Some(walk(state, files).await))
        }
        None => {
            let began = Instant::now();
            let needs = [Need::Postgres, Need::Redis, Need::Python];
            // Nobody's token ends before the story, in which a file takes less than a second.
            let access_token_seconds = 600 + u32::try_from(files)?;
            let options = Options { access_token_seconds, ..Options::private("tour", &needs) };
            let tour = async |stack: &mut Stack| {
                let mut state = stack.start().await?;
                println!("ready after {:.1} s", began.elapsed().as_secs_f32());
                on(stack, &mut state, files).await
            };
            local_stack::with(data, options, tour).await
        }
    }
}

/// On that stack; whether all was as the story says.
pub async fn on(stack: &mut Stack, state: &mut State, files: usize) -> Result<bool> {
    let seen = state.clone();
    tokio::select! {
        passed = walk(seen, files) => Ok(passed),
        // As in `up`: what the tour kills comes back.
        ended = stack.supervise(state) => match ended? {},
    }
}

async fn walk(state: State, files: usize) -> bool {
    let began = Instant::now();
    let (steps, outcome) = match Guide::new(state) {
        Ok(guide) => {
            let outcome = story(&guide, files).await;
            (guide.steps_begun(), outcome)
        }
        Err(error) => (0, Err(error)),
    };
    let passed = steps - u32::from(outcome.is_err() && steps > 0);
    if let Err(error) = &outcome {
        println!("    not so: {error:#}");
    }
    let reached = if outcome.is_ok() { String::new() } else { format!(", {} not reached", STEPS - steps) };
    println!(
        "\ntour: {passed} passed, {} failed{reached}, in {:.1} s",
        u32::from(outcome.is_err()),
        began.elapsed().as_secs_f32()
    );
    outcome.is_ok()
}

/// What `up` says of itself while it runs.
fn running(data: Option<PathBuf>) -> Result<Option<State>> {
    let root = data::root(data)?;
    let folder = root.join(local_stack::UP);
    if !folder.exists() || Folder::open(&root, local_stack::UP).is_ok() {
        return Ok(None);
    }
    match state::read(&folder)? {
        Some(state) => Ok(Some(state)),
        None => bail!("`cargo xtask up` is still starting, or stopping; wait until it says that it is ready"),
    }
}
