//! Origin of what a task does: who asks for it, and from where? It is kept beside what is changed.

use crate::{
    source::{self, TrustedProxies},
    trace,
};
use axum::{
    extract::{ConnectInfo, Request},
    middleware::Next,
    response::Response,
};
use contracts::id::{Principal, SessionId};
use std::{
    net::{IpAddr, SocketAddr},
    sync::{Arc, OnceLock},
};

tokio::task_local! {
    static CURRENT: Origin;
}

/// Whom the running task answers.
#[derive(Clone, Debug)]
pub enum Origin {
    /// A request.
    Request(Arc<Requested>),
    /// A command that somebody with access to the machine has given.
    Command,
}

/// A request, and who sent it as soon as they have said so.
#[derive(Debug)]
pub struct Requested {
    pub id: Option<Arc<str>>,
    pub address: Option<IpAddr>,
    caller: OnceLock<Caller>,
}

/// Whose token came with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    pub principal: Principal,
    pub client_id: String,
    pub session: Option<SessionId>,
}

impl Requested {
    pub fn caller(&self) -> Option<&Caller> {
        self.caller.get()
    }
}

/// Middleware by which [`current`] knows the request.
pub async fn remember(proxies: TrustedProxies, request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip());
    let address = peer.map(|peer| source::address(peer, request.headers(), proxies));
    let requested = Requested { id: trace::request_id(), address, caller: OnceLock::new() };
    CURRENT.scope(Origin::Request(Arc::new(requested)), next.run(request)).await
}

/// What the running task answers; `None` if it acts by itself.
pub fn current() -> Option<Origin> {
    CURRENT.try_with(Origin::clone).ok()
}

/// Notes whose token came with the request.
pub fn spoken_by(caller: impl FnOnce() -> Caller) {
    if let Some(Origin::Request(requested)) = current() {
        requested.caller.get_or_init(caller);
    }
}

/// Runs a command of the binary.
pub fn of_command<T>(run: impl FnOnce() -> T) -> T {
    CURRENT.sync_scope(Origin::Command, run)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_spoke_first_is_the_caller() {
        let caller = |client: &str| Caller {
            principal: Principal::Client(client.to_owned()),
            client_id: client.to_owned(),
            session: None,
        };
        assert!(current().is_none());
        let requested = Requested { id: None, address: None, caller: OnceLock::new() };
        let asked = async {
            spoken_by(|| caller("one"));
            spoken_by(|| caller("two"));
            current()
        };
        let Some(Origin::Request(requested)) = CURRENT.scope(Origin::Request(Arc::new(requested)), asked).await else {
            panic!("it is known")
        };
        assert_eq!(requested.caller(), Some(&caller("one")));
        assert!(matches!(of_command(current), Some(Origin::Command)));
    }
}
