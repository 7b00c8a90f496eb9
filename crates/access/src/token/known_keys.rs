//! The keys that are known, and how long they are believed.

use jsonwebtoken::DecodingKey;
use std::{collections::HashMap, sync::Arc, time::Duration};
use tokio::time::Instant;

/// Keys are believed for no longer without asking auth: one that auth withdraws is refused after that. Auth tells the
/// same to whoever caches them.
pub const KEYS_BELIEVED: Duration = Duration::from_secs(60);
/// Keys that are so old are fetched again behind the request that needs them, so that no request waits.
pub(super) const REFRESH_AFTER: Duration = Duration::from_secs(30);
/// While auth is away its keys are believed for as long as tokens live by default; then it is 503. Nobody can be told
/// of a withdrawal meanwhile.
pub(super) const BELIEVED_WITHOUT_AUTH: Duration = Duration::from_secs(600);
/// Auth is asked again no sooner after it could not be reached, nor after an unknown `kid`, so that made-up ones cost it
/// nothing.
pub(super) const ASK_AGAIN: Duration = Duration::from_secs(5);

#[derive(Clone, Default)]
pub(super) struct Known {
    pub keys: Arc<HashMap<String, DecodingKey>>,
    /// When auth was asked for them.
    pub asked_at: Option<Instant>,
    /// When auth could not be reached, if that was so the last time.
    pub failed_at: Option<Instant>,
}

/// What a request that needs keys does first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Plan {
    Go,
    /// Has the keys fetched behind it.
    GoAndRefresh,
    WaitForKeys,
}

/// `age` of the keys that are known, and how long ago auth could not be reached, if that was so the last time.
fn plan(age: Option<Duration>, failed: Option<Duration>) -> Plan {
    match (age, failed) {
        (Some(age), _) if age < REFRESH_AFTER => Plan::Go,
        (Some(age), Some(failed)) if age < BELIEVED_WITHOUT_AUTH && failed < ASK_AGAIN => Plan::Go,
        (Some(age), Some(_)) if age < BELIEVED_WITHOUT_AUTH => Plan::GoAndRefresh,
        (Some(age), None) if age < KEYS_BELIEVED => Plan::GoAndRefresh,
        _ => Plan::WaitForKeys,
    }
}

impl Known {
    /// For now.
    pub fn plan(&self) -> Plan {
        plan(self.asked_at.map(|at| at.elapsed()), self.failed_at.map(|at| at.elapsed()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_believed_for_a_minute_and_for_ten_without_auth() {
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        for (age, failed, wanted) in [
            (None, None, Plan::WaitForKeys),
            (None, seconds(1), Plan::WaitForKeys),
            (seconds(29), None, Plan::Go),
            (seconds(29), seconds(9), Plan::Go),
            (seconds(30), None, Plan::GoAndRefresh),
            (seconds(59), None, Plan::GoAndRefresh),
            (seconds(60), None, Plan::WaitForKeys),
            (seconds(3600), None, Plan::WaitForKeys),
            (seconds(60), seconds(4), Plan::Go),
            (seconds(60), seconds(5), Plan::GoAndRefresh),
            (seconds(599), seconds(5), Plan::GoAndRefresh),
            (seconds(600), seconds(1), Plan::WaitForKeys),
        ] {
            assert_eq!(plan(age, failed), wanted, "{age:?} old, failed {failed:?} ago");
        }
    }
}
