//! An outage on demand: a TCP proxy that can be closed, cutting what runs through it, made to hold its breath, and
//! opened again.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::SeqCst},
};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
};

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    Closed,
    /// Takes connections, and lets nothing through them.
    Held,
    /// Lets nothing through any connection, and tells nobody.
    Stalled,
}

pub struct Gate {
    pub port: u16,
    state: watch::Sender<State>,
    refused: Arc<AtomicUsize>,
    held: Arc<AtomicUsize>,
}

impl Gate {
    /// An open gate before `target`, written `host:port`.
    pub async fn before(target: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (state, watch) = watch::channel(State::Open);
        let gate = Self { port, state, refused: Arc::default(), held: Arc::default() };
        let (refused, held) = (Arc::clone(&gate.refused), Arc::clone(&gate.held));
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let now = *watch.borrow();
                match now {
                    State::Closed => {
                        refused.fetch_add(1, SeqCst);
                        continue;
                    }
                    State::Held => drop(held.fetch_add(1, SeqCst)),
                    State::Open | State::Stalled => {}
                }
                tokio::spawn(pass(near, target.clone(), watch.clone()));
            }
        });
        gate
    }

    /// An open gate before the emulator.
    pub async fn before_aws() -> Self {
        let url = std::env::var("AWS_ENDPOINT_URL").unwrap();
        Self::before(url.trim_start_matches("http://").trim_end_matches('/').to_owned()).await
    }

    pub fn close(&self) {
        self.state.send_replace(State::Closed);
    }

    pub fn hold(&self) {
        self.state.send_replace(State::Held);
    }

    pub fn open(&self) {
        self.state.send_replace(State::Open);
    }

    /// From now on nothing passes, also not where something did.
    pub fn stall(&self) {
        self.state.send_replace(State::Stalled);
    }

    /// How many connections found the gate closed.
    pub fn refused(&self) -> usize {
        self.refused.load(SeqCst)
    }

    /// How many connections were taken and held.
    pub fn held(&self) -> usize {
        self.held.load(SeqCst)
    }
}

async fn pass(mut near: TcpStream, target: String, mut watch: watch::Receiver<State>) {
    if watch.wait_for(|state| *state == State::Open).await.is_err() {
        return;
    }
    let Ok(mut far) = TcpStream::connect(target).await else { return };
    tokio::select! {
        biased;
        _ = watch.wait_for(|state| matches!(state, State::Closed | State::Stalled)) => {}
        _ = copy_bidirectional(&mut near, &mut far) => return,
    }
    // Both ends stay open until the gate closes.
    let _ = watch.wait_for(|state| *state == State::Closed).await;
}
