//! A port that leads to another one: connections are passed on, and ended when it leads elsewhere.

use anyhow::Result;
use std::net::Ipv4Addr;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
    task::AbortHandle,
};

/// A port that leads to another one on this machine; closed when dropped.
pub struct Link {
    target: watch::Sender<u16>,
    accepting: AbortHandle,
}

impl Link {
    pub async fn open(port: u16, target: u16) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let (target, follow) = watch::channel(target);
        let accepting = tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                drop(tokio::spawn(carry(near, follow.clone())));
            }
        });
        Ok(Self { target, accepting: accepting.abort_handle() })
    }

    /// From now on new connections lead there, and the present ones end.
    pub fn lead_to(&self, port: u16) {
        self.target.send_replace(port);
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Whoever calls while nothing answers sees the connection end at once.
async fn carry(mut near: TcpStream, mut target: watch::Receiver<u16>) -> std::io::Result<()> {
    let port = *target.borrow_and_update();
    let mut far = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
    // Small requests that wait for one another must not wait for a full packet too.
    near.set_nodelay(true)?;
    far.set_nodelay(true)?;
    tokio::select! {
        done = copy_bidirectional(&mut near, &mut far) => done.map(drop),
        _ = target.changed() => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    /// A server that says `word` to whoever calls, and then waits.
    async fn speaker(word: &'static [u8]) -> u16 {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            let mut held = Vec::new();
            while let Ok((mut caller, _)) = listener.accept().await {
                caller.write_all(word).await.unwrap();
                held.push(caller);
            }
        });
        port
    }

    #[tokio::test]
    async fn a_connection_ends_when_the_link_leads_elsewhere() {
        let (first, second) = (speaker(b"1").await, speaker(b"2").await);
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap().local_addr().unwrap().port();
        let link = Link::open(port, first).await.unwrap();
        let mut near = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.unwrap();
        assert_eq!(near.read_u8().await.unwrap(), b'1');
        link.lead_to(second);
        assert!(near.read_u8().await.is_err());
        let mut near = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.unwrap();
        assert_eq!(near.read_u8().await.unwrap(), b'2');
    }
}
