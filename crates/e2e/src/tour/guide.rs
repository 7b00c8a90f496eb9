//! What all steps share: where the services are, who plays, how to wait, and what is said.

use super::{http::Call, people::People};
use anyhow::{Context, Result, bail};
use local_stack::state::{self, State};
use reqwest::{Method, redirect::Policy};
use std::{
    cell::Cell,
    time::{Duration, Instant},
};

/// Long enough for a busy machine, and for a message that went to somebody who had just died: that one comes back after
/// 30 s.
pub const PATIENCE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(50);
const TIMEOUT: Duration = Duration::from_secs(20);

pub struct Guide {
    pub state: State,
    pub people: People,
    pub http: reqwest::Client,
    /// Of what Ada's browser begins.
    pub trace_id: String,
    steps: Cell<u32>,
}

impl Guide {
    pub fn new(state: State) -> Result<Self> {
        let http = reqwest::Client::builder().no_proxy().redirect(Policy::none()).timeout(TIMEOUT).build()?;
        let trace_id = format!("{:032x}", rand::random::<u128>());
        Ok(Self { state, people: People::of_a_tour(), http, trace_id, steps: Cell::new(0) })
    }

    pub fn step(&self, title: &str) {
        self.steps.set(self.steps.get() + 1);
        println!("\n{:>2}. {title}", self.steps.get());
    }

    pub fn steps_begun(&self) -> u32 {
        self.steps.get()
    }

    pub fn saw(&self, what: impl std::fmt::Display) {
        println!("    - {what}");
    }

    pub fn url(&self, service: &str, path: &str) -> String {
        format!("{}{path}", self.state.services.get(service).map_or("", |service| &service.url))
    }

    pub fn get(&self, service: &str, path: &str) -> Call {
        self.call(Method::GET, service, path)
    }

    pub fn post(&self, service: &str, path: &str) -> Call {
        self.call(Method::POST, service, path)
    }

    pub fn delete(&self, service: &str, path: &str) -> Call {
        self.call(Method::DELETE, service, path)
    }

    pub fn call(&self, method: Method, service: &str, path: &str) -> Call {
        Call::new(&self.http, method, &self.url(service, path))
    }

    pub fn operator(&self) -> &str {
        &self.state.operator.access_token
    }

    /// Asks until there is something; an error with the last word of `ask` after the deadline.
    pub async fn wait<T>(&self, what: &str, ask: impl AsyncFn() -> Result<Option<T>>) -> Result<T> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let found = ask().await;
            if let Ok(Some(found)) = found {
                return Ok(found);
            }
            if Instant::now() >= deadline {
                return match found {
                    Err(error) => Err(error).context(format!("waited {} s for {what}", PATIENCE.as_secs())),
                    Ok(_) => bail!("waited {} s in vain for {what}", PATIENCE.as_secs()),
                };
            }
            tokio::time::sleep(POLL).await;
        }
    }
}

/// The state as it is now: a revived process has another number.
pub fn state_now(folder: &std::path::Path) -> Result<State> {
    match state::read(folder)? {
        Some(state) => Ok(state),
        None => bail!("the stack in {} has stopped", folder.display()),
    }
}
