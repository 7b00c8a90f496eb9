//! An outage on demand: a TCP proxy that can be closed, cutting what runs through it, and opened again.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
};

pub struct Gate {
    pub port: u16,
    open: watch::Sender<bool>,
    refused: Arc<AtomicUsize>,
}

impl Gate {
    /// An open gate before `target`, written `host:port`.
    pub async fn before(target: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (open, watch) = watch::channel(true);
        let refused = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&refused);
        tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let mut watch = watch.clone();
                if !*watch.borrow() {
                    counter.fetch_add(1, Ordering::SeqCst);
                    continue;
                }
                let target = target.clone();
                tokio::spawn(async move {
                    let mut far = TcpStream::connect(target).await?;
                    tokio::select! {
                        done = copy_bidirectional(&mut near, &mut far) => done.map(drop),
                        _ = watch.wait_for(|open| !open) => Ok(()),
                    }
                });
            }
        });
        Self { port, open, refused }
    }

    pub fn close(&self) {
        self.open.send_replace(false);
    }

    pub fn open(&self) {
        self.open.send_replace(true);
    }

    /// How many connections found the gate closed.
    pub fn refused(&self) -> usize {
        self.refused.load(Ordering::SeqCst)
    }
}
