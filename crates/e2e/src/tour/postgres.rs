//! Is it really in the database? The only question of the tour that HTTP cannot answer.

use super::guide::Guide;
use anyhow::{Context, Result, ensure};
use local_stack::tools;
use std::process::Stdio;
use tokio::process::Command;

impl Guide {
    /// The answer to a query in the stack's PostgreSQL, as its superuser, in plain text.
    pub async fn psql(&self, query: &str) -> Result<String> {
        let folders = tools::postgres_folders();
        let psql = folders.first().context("PostgreSQL is not installed")?.join("psql");
        let mut command = Command::new(psql);
        command
            .args(["--no-psqlrc", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1", "--command", query])
            .arg(&self.state.postgres_url);
        let output = command.stdin(Stdio::null()).kill_on_drop(true).output().await.context("cannot run psql")?;
        ensure!(output.status.success(), "psql: {}", String::from_utf8_lossy(&output.stderr));
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }
}
