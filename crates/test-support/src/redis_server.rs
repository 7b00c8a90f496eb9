//! How does a test get a Redis that is set up otherwise than the shared one? A process of its own, on a free port.

use crate::eventually;
use std::{
    net::TcpListener,
    process::{Child, Command, Stdio},
};
use tokio::net::TcpStream;

/// A Redis that keeps nothing on disk; dropping it ends it.
pub struct RedisServer {
    pub port: u16,
    settings: Vec<String>,
    process: Child,
}

impl RedisServer {
    /// `settings` as on the command line: `--name value`.
    pub async fn start(settings: &[&str]) -> Self {
        let port =
            TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port").port();
        let settings: Vec<String> = settings.iter().map(|setting| (*setting).to_owned()).collect();
        let process = run(port, &settings).await;
        Self { port, settings, process }
    }

    /// Kills it and starts another one in its place, which knows nothing.
    pub async fn restart(&mut self) {
        self.stop();
        self.process = run(self.port, &self.settings).await;
    }

    fn stop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    /// A URL for whoever needs no password.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// A URL of this user.
    pub fn url_of(&self, user: &str, password: &str) -> String {
        format!("redis://{user}:{password}@127.0.0.1:{}", self.port)
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.stop();
    }
}

async fn run(port: u16, settings: &[String]) -> Child {
    let process = Command::new("redis-server")
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
        .args(settings)
        .current_dir(std::env::temp_dir())
        .stdout(Stdio::null())
        .spawn()
        .expect("redis-server is installed by `cargo xtask test`");
    eventually("Redis listens", async || TcpStream::connect(("127.0.0.1", port)).await.ok()).await;
    process
}
