//! Tests of frontends on real services: the client in Node.js, and the example page in Chromium.
//!
//! They are Node.js's own tests, in `examples/frontend/test`; this starts what they need and runs them.

use anyhow::{Context, Result};
use local_stack::{
    Options, Stack,
    frontend::page,
    node::Node,
    state::{self, State},
    tools::Need,
};
use std::path::PathBuf;

/// Short enough that a test waits until a token has expired, with the leeway of whoever verifies it.
const ACCESS_TOKEN_SECONDS: u32 = 10;

/// Whether all was as it should be; also where it cannot be tried, which is said. `None` if somebody pressed Ctrl-C.
pub async fn run(data: Option<PathBuf>) -> Result<Option<bool>> {
    let needs = [Need::Postgres, Need::Redis, Need::Python, Need::Browser];
    let options =
        Options { frontend: true, access_token_seconds: ACCESS_TOKEN_SECONDS, ..Options::private("frontend", &needs) };
    println!("\nfrontends: the client and the example page, on a stack of their own");
    local_stack::with(data.clone(), options, async |stack| tests(stack, data).await).await
}

async fn tests(stack: &mut Stack, data: Option<PathBuf>) -> Result<bool> {
    let state = stack.start().await?;
    let root = local_stack::data::root(data)?;
    let Some(node) = Node::ensure(&root).await?.filter(|_| state.frontend.is_some()) else {
        println!("frontends are not tested: {}", Node::advice());
        return Ok(true);
    };
    let mut seen = state.clone();
    tokio::select! {
        passed = passed(&node, &state) => passed,
        ended = stack.supervise(&mut seen) => match ended? {},
    }
}

async fn passed(node: &Node, state: &State) -> Result<bool> {
    let mut tests = node.npm(&page(), &["test", "--silent"]);
    tests.env("STATE", state::file(&state.folder)).kill_on_drop(true);
    Ok(tests.status().await.context("cannot run the tests of frontends")?.success())
}
