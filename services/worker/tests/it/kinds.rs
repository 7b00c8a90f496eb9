//! Kinds of jobs that only these tests have.

use contracts::{contract::Sample, jobs::Job};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::{path::PathBuf, sync::OnceLock, time::Duration};
use worker::handlers::{Fault, HANDLERS, Handle, Handler, Run};

macro_rules! kinds {
    ($($name:ident = $kind:literal),+ $(,)?) => {
        $(impl Job for $name {
            const KIND: &'static str = $kind;
            const VERSION: u32 = 1;
            const ORDERED_BY: &'static [&'static str] = &["configurator"];
        }
        impl Sample for $name {
            fn samples() -> Vec<Self> {
                Vec::new()
            }
        })+
    };
}

kinds! { Echo = "test.echo", Await = "test.await", Hang = "test.hang" }

/// What a worker of these tests can do: what every worker can, and this.
pub fn handlers() -> &'static [Handler] {
    static ALL: OnceLock<Vec<Handler>> = OnceLock::new();
    ALL.get_or_init(|| {
        let own = [Handler::of::<Echo>(), Handler::of::<Await>(), Handler::of::<Hang>()];
        HANDLERS.iter().cloned().chain(own).collect()
    })
}

/// Succeeds at once, and gives `text`.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct Echo {
    pub text: String,
}

impl Handle for Echo {
    async fn handle(self, run: &Run<'_>) -> Result<Option<Value>, Fault> {
        run.note(1, 1, &self.text).await;
        Ok(Some(json!({"text": self.text})))
    }
}

/// Is put off until there is a file.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct Await {
    pub file: PathBuf,
}

impl Handle for Await {
    async fn handle(self, _: &Run<'_>) -> Result<Option<Value>, Fault> {
        if self.file.exists() { Ok(None) } else { Err(Fault::snooze(Duration::from_millis(100), "no file yet")) }
    }
}

/// Never ends.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct Hang {}

impl Handle for Hang {
    const LONGEST: Duration = Duration::from_secs(8);

    async fn handle(self, run: &Run<'_>) -> Result<Option<Value>, Fault> {
        run.log("hangs").await;
        std::future::pending().await
    }
}
