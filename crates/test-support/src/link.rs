//! What does a service do when PostgreSQL or Redis stops and starts again? A link to the real server that a test can cut and mend.

use std::sync::Arc;
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    sync::watch,
};

/// A port that leads to a server; while cut, connections are refused as they are by a stopped server.
pub struct Link {
    port: u16,
    open: watch::Sender<bool>,
}

impl Link {
    /// A link to the server of `url`, a database or Redis URL.
    pub async fn to(url: &str) -> Self {
        let listener = listen(0).expect("binding a port");
        let port = listener.local_addr().expect("a bound port").port();
        let (open, state) = watch::channel(true);
        tokio::spawn(relay(listener, port, authority(url).into(), state));
        Self { port, open }
    }

    /// `url` with this link in place of the server.
    pub fn through(&self, url: &str) -> String {
        url.replacen(authority(url), &format!("127.0.0.1:{}", self.port), 1)
    }

    /// Ends every connection and refuses new ones.
    pub fn cut(&self) {
        self.open.send_replace(false);
    }

    pub fn mend(&self) {
        self.open.send_replace(true);
    }
}

/// `host:port` of `scheme://user@host:port/path`.
fn authority(url: &str) -> &str {
    let (_, rest) = url.split_once("://").expect("a URL");
    let rest = rest.split('/').next().unwrap_or(rest);
    rest.rsplit_once('@').map_or(rest, |(_, server)| server)
}

fn listen(port: u16) -> std::io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(([127, 0, 0, 1], port).into())?;
    socket.listen(128)
}

async fn relay(listener: TcpListener, port: u16, server: Arc<str>, mut open: watch::Receiver<bool>) {
    let mut listener = Some(listener);
    loop {
        let accepted = async {
            match &listener {
                Some(listener) => listener.accept().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            changed = open.changed() => {
                if changed.is_err() {
                    return;
                }
                listener = if *open.borrow_and_update() { Some(listen(port).expect("the port is still ours")) } else { None };
            }
            Ok((client, _)) = accepted => drop(tokio::spawn(carry(client, server.clone(), open.clone()))),
        }
    }
}

async fn carry(mut client: TcpStream, server: Arc<str>, mut open: watch::Receiver<bool>) {
    let Ok(mut upstream) = TcpStream::connect(&*server).await else { return };
    tokio::select! {
        _ = tokio::io::copy_bidirectional(&mut client, &mut upstream) => {}
        _ = open.wait_for(|open| !open) => {}
    }
}
