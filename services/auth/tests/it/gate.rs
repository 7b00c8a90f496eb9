//! An outage of Redis on demand: a TCP proxy that can be closed, cutting what runs through it, and opened again.

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
};

pub struct Gate {
    pub port: u16,
    open: watch::Sender<bool>,
}

impl Gate {
    /// An open gate before `target`, written `host:port`.
    pub async fn before(target: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (open, watch) = watch::channel(true);
        tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let (mut watch, target) = (watch.clone(), target.clone());
                tokio::spawn(async move {
                    if !*watch.borrow() {
                        return Ok(());
                    }
                    let mut far = TcpStream::connect(target).await?;
                    tokio::select! {
                        done = copy_bidirectional(&mut near, &mut far) => done.map(drop),
                        _ = watch.wait_for(|open| !open) => Ok(()),
                    }
                });
            }
        });
        Self { port, open }
    }

    pub fn close(&self) {
        self.open.send_replace(false);
    }

    pub fn open(&self) {
        self.open.send_replace(true);
    }
}
