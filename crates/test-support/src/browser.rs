//! How does a test see a page as a person does? In headless Chromium, driven over WebDriver (W3C).

use crate::eventually;
use fantoccini::{Client, ClientBuilder};
use serde_json::json;
use std::{
    net::TcpListener,
    os::unix::process::CommandExt,
    path::PathBuf,
    process::{Child, Command, Stdio},
};

/// A browser with a fresh profile; dropping it ends it.
pub struct Browser {
    pub page: Client,
    /// Of the driver.
    url: String,
    _driver: Driver,
}

/// The process that drives the browser, and what both leave on disk.
struct Driver {
    process: Child,
    profile: PathBuf,
}

impl Browser {
    /// Starts Debian's `chromedriver` on a free port, with a `chromium` of its own.
    pub async fn start(name: &str) -> Self {
        let port =
            TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port").port();
        let process = Command::new("chromedriver")
            .arg(format!("--port={port}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .expect("chromedriver is installed by `cargo xtask test`");
        let driver = Driver { process, profile: std::env::temp_dir().join(format!("{name}-{port}")) };
        let flags = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-dev-shm-usage",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--window-size=1280,1400",
        ];
        let mut arguments: Vec<String> = flags.map(str::to_owned).to_vec();
        arguments.push(format!("--user-data-dir={}", driver.profile.display()));
        let capabilities = json!({"browserName": "chrome", "goog:chromeOptions": {"args": arguments}});
        let capabilities = capabilities.as_object().cloned().expect("an object");
        let url = format!("http://127.0.0.1:{port}");
        let page = eventually("the browser starts", async || {
            ClientBuilder::new(plain_http()).capabilities(capabilities.clone()).connect(&url).await.ok()
        })
        .await;
        Self { page, url, _driver: driver }
    }

    /// Gives the browser an authenticator that holds passkeys and always finds its owner there (Web Authentication
    /// §11.3).
    pub async fn add_authenticator(&self) {
        let session = self.page.session_id().await.expect("a session").expect("a session");
        let authenticator = json!({"protocol": "ctap2", "transport": "internal", "hasResidentKey": true,
            "hasUserVerification": true, "isUserVerified": true});
        let url = format!("{}/session/{session}/webauthn/authenticator", self.url);
        let added = reqwest::Client::new().post(url).json(&authenticator).send().await.expect("an answer");
        assert!(added.status().is_success(), "{:?}", added.text().await);
    }

    /// Ends the browser, then its driver.
    pub async fn close(self) {
        self.page.clone().close().await.expect("closing the browser");
    }
}

/// The driver is on this machine, so no TLS is needed.
fn plain_http() -> hyper_util::client::legacy::connect::HttpConnector {
    hyper_util::client::legacy::connect::HttpConnector::new()
}

impl Drop for Driver {
    fn drop(&mut self) {
        // The whole group, or the browser would outlive its driver.
        let _ = Command::new("kill").args(["-KILL", "--", &format!("-{}", self.process.id())]).status();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.profile);
    }
}
