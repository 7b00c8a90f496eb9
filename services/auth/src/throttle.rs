//! Throttle of guesses: how often may somebody try a password, and who is never kept out by the tries of others?
//!
//! A device on which the owner has logged in before has a limit of its own ([`device`]). All others share what
//! strangers may try, and wait longer after each wrong try ([`delays`]). A try that is found neither right nor wrong,
//! such as one that no core was free for, is none.

pub mod delays;
pub mod device;

use crate::passwords::hasher::{LONGEST_WAIT, busy};
use aws_lc_rs::hmac;
use axum::{
    http::{HeaderName, StatusCode},
    response::AppendHeaders,
};
use common::{
    ambient::Ambient,
    backoff::Backoff,
    config::Base,
    limit::{Counted, Limit, Limiter},
    problem::Problem,
    sealing::Sealer,
    source::Source,
};
use delays::{Delay, Delays, Noted};
use device::DeviceCookies;
pub use device::Visitor;
use redis::aio::ConnectionManager;
use secrecy::ExposeSecret;
use std::{sync::Arc, thread, time::Duration};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

/// Of one network for one account. Whoever mistypes has found out by then, or asks for a new password.
const A_PAIR: Delay = Delay { name: "wrong_pair", free: 5, pause: DOUBLING };
/// Of all strangers for one account: more than one network makes in half a day, so that it takes several to delay an
/// owner on a new device. Then it is some hundred a day, of whoever has how many networks (NIST SP 800-63B §3.2.2).
const AN_ACCOUNT: Delay = Delay { name: "wrong_account", free: 20, pause: DOUBLING };
/// Of one device of the owner, which nobody else can use up.
const A_DEVICE: Delay = Delay { name: "wrong_device", free: 10, pause: DOUBLING };
/// From a moment to what a person still waits for.
const DOUBLING: Backoff = Backoff { base: Duration::from_secs(2), factor: 2, cap: Duration::from_secs(15 * 60) };
/// Wrong tries of one network for whichever accounts: a classroom mistypes less, and few accounts fall to so few.
const A_SOURCE: Limit = Limit { name: "wrong", most: 100, window: HOUR };
/// Wrong secrets and links of one network, all of 256 bits. Nobody guesses one; this only spares us the guessing.
const UNGUESSABLE: Limit = Limit { name: "unguessable", most: 60, window: Duration::from_secs(60) };
/// Log-ins of one account from one network: each leaves a session. Who does not know the password cannot use it up.
const LOG_INS: Limit = Limit { name: "log_in", most: 100, window: HOUR };
const HOUR: Duration = Duration::from_secs(3600);

/// Tries under way for each core: one is hashed, and others look things up meanwhile. All further ones wait where they
/// take no connection from anybody else.
const PLACES_A_CORE: usize = 4;

/// Bytes of the key of an account, which is a MAC.
const ACCOUNT_LEN: usize = 16;

/// Admits tries; cheap to clone.
#[derive(Clone)]
pub struct Throttle {
    limiter: Limiter,
    delays: Delays,
    devices: DeviceCookies,
    key: hmac::Key,
    places: Arc<Semaphore>,
}

/// A try that was admitted, and where it counts as a wrong one until it is found to be right. If its caller goes away
/// in the middle, it stays wrong.
#[must_use = "say what came of it"]
pub struct Attempt<'a> {
    throttle: &'a Throttle,
    own: Noted,
    among_strangers: Option<(Noted, Counted)>,
}

impl Throttle {
    pub fn new(
        base: &Base,
        redis: ConnectionManager,
        limiter: Limiter,
        sealer: Sealer,
        ambient: &Ambient,
        public_url: &str,
    ) -> Self {
        Self {
            limiter,
            delays: Delays::new(base, redis, ambient.clone()),
            devices: DeviceCookies::new(sealer, ambient.clone(), public_url),
            key: hmac::Key::new(hmac::HMAC_SHA256, base.client_secret.expose_secret().as_bytes()),
            places: Arc::new(Semaphore::new(thread::available_parallelism().map_or(1, usize::from) * PLACES_A_CORE)),
        }
    }

    /// Makes a check of a secret of `account`, which is an address in its one spelling: `Some` is right, `None` is
    /// wrong, and a problem is neither. 429 if it came too early, and 503 if too many others are in front; nothing is
    /// checked then.
    pub async fn guess<T>(
        &self,
        visitor: &Visitor,
        account: &str,
        check: impl Future<Output = Result<Option<T>, Problem>>,
    ) -> Result<Option<T>, Problem> {
        let _place = self.place().await?;
        let attempt = self.begin(visitor, account).await?;
        let checked = check.await;
        match &checked {
            Ok(Some(_)) => attempt.right().await,
            Ok(None) => attempt.wrong(),
            Err(_) => attempt.undecided().await,
        }
        checked
    }

    async fn place(&self) -> Result<OwnedSemaphorePermit, Problem> {
        match timeout(LONGEST_WAIT, Arc::clone(&self.places).acquire_owned()).await {
            Ok(Ok(place)) => Ok(place),
            _ => Err(busy()),
        }
    }

    /// Admits a try of a secret of `account`, for known and unknown accounts alike; 429 if it came too early.
    pub async fn begin(&self, visitor: &Visitor, account: &str) -> Result<Attempt<'_>, Problem> {
        let (account, entry) = (self.account(account), self.delays.entry());
        if let Some(device) = self.devices.read(visitor, &account) {
            let own = self.delays.begin(&A_DEVICE, &format!("{account}:{}", device.id()), &entry).await?;
            return Ok(Attempt { throttle: self, own, among_strangers: None });
        }
        let own = self.delays.begin(&A_PAIR, &format!("{account}:{}", visitor.source), &entry).await?;
        match self.among_strangers(visitor, &account, &entry).await {
            Ok(noted) => Ok(Attempt { throttle: self, own, among_strangers: Some(noted) }),
            Err(refused) => {
                self.delays.forget(&own).await;
                Err(refused)
            }
        }
    }

    async fn among_strangers(
        &self,
        visitor: &Visitor,
        account: &str,
        entry: &str,
    ) -> Result<(Noted, Counted), Problem> {
        let counted = self.limiter.admit(&A_SOURCE, visitor.source).await?;
        match self.delays.begin(&AN_ACCOUNT, account, entry).await {
            Ok(noted) => Ok((noted, counted)),
            Err(refused) => {
                self.limiter.forget(counted).await;
                Err(refused)
            }
        }
    }

    /// Counts what was refused for a secret or a link that cannot be guessed; 429 if the network has shown too many.
    /// Whoever shows the right one is never refused.
    pub async fn unguessable<T>(&self, source: Source, shown: Result<T, Problem>) -> Result<T, Problem> {
        let wrong = [StatusCode::UNAUTHORIZED, StatusCode::GONE];
        if shown.as_ref().is_err_and(|problem| wrong.contains(&problem.status)) {
            self.wrong_secret(source).await?;
        }
        shown
    }

    /// Counts a wrong secret that cannot be guessed; 429 if the network has shown too many.
    pub async fn wrong_secret(&self, source: Source) -> Result<(), Problem> {
        self.limiter.admit(&UNGUESSABLE, source).await.map(drop)
    }

    /// Counts a log-in whose password was right; 429 if the account has had too many from this network.
    pub async fn log_in(&self, visitor: &Visitor, account: &str) -> Result<(), Problem> {
        self.limiter.admit_for(&LOG_INS, visitor.source, &self.account(account)).await.map(|_| ())
    }

    /// The cookie by which the visitor's device is known to the account from now on; for whoever has proved who they
    /// are.
    pub fn remember(&self, visitor: &Visitor, account: &str) -> AppendHeaders<[(HeaderName, String); 1]> {
        AppendHeaders([self.devices.remember(visitor, &self.account(account))])
    }

    /// Stands for an address in Redis: nobody finds it there by trying addresses.
    fn account(&self, address: &str) -> String {
        let mac = hmac::sign(&self.key, &[&b"throttled account "[..], address.as_bytes()].concat());
        hex::encode(&mac.as_ref()[..ACCOUNT_LEN])
    }
}

impl Attempt<'_> {
    /// Forgets the wrong ones of this device or network, and nobody else's.
    pub async fn right(self) {
        let Self { throttle, own, among_strangers } = self;
        if let Some((noted, counted)) = among_strangers {
            throttle.delays.forget_all(&noted, &own.earlier).await;
            throttle.limiter.forget(counted).await;
        }
        throttle.delays.forget_all(&own, &own.earlier).await;
    }

    pub fn wrong(self) {
        let device = if self.among_strangers.is_some() { "unknown" } else { "known" };
        metrics::counter!("wrong_attempts_total", "device" => device).increment(1);
    }

    /// It counts as none.
    pub async fn undecided(self) {
        let Self { throttle, own, among_strangers } = self;
        throttle.delays.forget(&own).await;
        if let Some((noted, counted)) = among_strangers {
            throttle.delays.forget(&noted).await;
            throttle.limiter.forget(counted).await;
        }
    }
}
