//! The worker's side of a run: a folder for it, a supervisor, and what the program has said.

use super::{
    spec::{Ended, Spec},
    supervisor::SUPERVISE,
};
use std::{io::SeekFrom, path::Path, process::Stdio};
use tokio::{
    fs::{self, File},
    io::{AsyncBufReadExt, AsyncReadExt, AsyncSeekExt, AsyncWriteExt, BufReader},
    process::Command,
};

/// Bytes of what a program says last on its error output that are kept.
const TAIL: u64 = 1_900;

/// What came of a run.
pub(super) struct Outcome {
    pub ended: Ended,
    /// What it has said; at most so many bytes as were asked for, and one more.
    pub stdout: Vec<u8>,
    /// The last of what it has said on its error output.
    pub stderr: String,
}

/// Runs a program to its end. Dropped before, it leaves nothing behind: the supervisor sees the end of its input.
pub(super) async fn run(supervisor: &Path, spec: &Spec, input: &[u8], most: usize) -> std::io::Result<Outcome> {
    let folder = &spec.folder;
    fs::create_dir_all(Spec::work(folder)).await?;
    fs::write(Spec::stdin(folder), input).await?;
    let mut process = Command::new(supervisor)
        // The binary may be several services, by its name.
        .arg0("worker")
        .arg(SUPERVISE.name)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let mut to = process.stdin.take().ok_or_else(|| std::io::Error::other("it has no input"))?;
    let from = process.stdout.take().ok_or_else(|| std::io::Error::other("it has no output"))?;
    let mut line = serde_json::to_vec(spec)?;
    line.push(b'\n');
    to.write_all(&line).await?;
    to.flush().await?;
    let mut answer = String::new();
    BufReader::new(from).read_line(&mut answer).await?;
    let ended = serde_json::from_str(&answer)?;
    let stdout = head(&Spec::stdout(folder), most).await.unwrap_or_default();
    let stderr = tail(&Spec::stderr(folder)).await.unwrap_or_default();
    drop(to);
    process.wait().await?;
    Ok(Outcome { ended, stdout, stderr })
}

async fn head(path: &Path, most: usize) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path).await?.take(most as u64 + 1).read_to_end(&mut bytes).await?;
    Ok(bytes)
}

async fn tail(path: &Path) -> std::io::Result<String> {
    let mut file = File::open(path).await?;
    let length = file.metadata().await?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL))).await?;
    let mut bytes = Vec::new();
    file.take(TAIL).read_to_end(&mut bytes).await?;
    Ok(String::from_utf8_lossy(&bytes).trim().to_owned())
}
