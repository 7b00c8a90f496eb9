//! A link to PostgreSQL or Redis that a test can cut and mend.

use crate::background::Background;
use std::sync::{Arc, mpsc::SyncSender};
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    sync::mpsc,
    task::JoinSet,
};

/// A port that leads to a server; while cut, connections are refused as they are by a stopped server.
pub struct Link {
    port: u16,
    orders: mpsc::UnboundedSender<Order>,
    /// Where it runs.
    _background: Background,
}

/// Whether to be open, and whom to tell when it is done.
type Order = (bool, SyncSender<()>);

impl Link {
    /// A link to the server of `url`, a database or Redis URL.
    pub async fn to(url: &str) -> Self {
        let background = Background::start();
        let listener =
            background.spawn(async { listen(0) }).await.expect("nobody ends the task").expect("binding a port");
        let port = listener.local_addr().expect("a bound port").port();
        let (orders, taken) = mpsc::unbounded_channel();
        background.spawn(relay(listener, port, authority(url).into(), taken));
        Self { port, orders, _background: background }
    }

    /// `url` with this link in place of the server.
    pub fn through(&self, url: &str) -> String {
        url.replacen(authority(url), &format!("127.0.0.1:{}", self.port), 1)
    }

    /// Ends every connection and refuses new ones.
    pub fn cut(&self) {
        self.order(false);
    }

    pub fn mend(&self) {
        self.order(true);
    }

    /// Comes back when it is so.
    fn order(&self, open: bool) {
        let (tell, done) = std::sync::mpsc::sync_channel(1);
        self.orders.send((open, tell)).expect("the link takes orders as long as it lives");
        done.recv().expect("the link does as it is told");
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

async fn relay(listener: TcpListener, port: u16, server: Arc<str>, mut orders: mpsc::UnboundedReceiver<Order>) {
    let (mut listener, mut carried) = (Some(listener), JoinSet::new());
    loop {
        let accepted = async {
            match &listener {
                Some(listener) => listener.accept().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            order = orders.recv() => {
                let Some((open, done)) = order else { return };
                if !open {
                    listener = None;
                    carried.shutdown().await;
                } else if listener.is_none() {
                    listener = Some(listen(port).expect("the port is still ours"));
                }
                // Whoever gave the order waits for it, or is unwinding.
                let _ = done.send(());
            }
            Ok((client, _)) = accepted => drop(carried.spawn(carry(client, server.clone()))),
            Some(_) = carried.join_next() => {}
        }
    }
}

async fn carry(mut client: TcpStream, server: Arc<str>) {
    let Ok(mut upstream) = TcpStream::connect(&*server).await else { return };
    let _ = tokio::io::copy_bidirectional(&mut client, &mut upstream).await;
}
