//! Limits of a listener: how much may one caller take, and for how long?

use super::stopping::STOP_WITHIN;
use std::time::Duration;

/// Time limits and bounds of a listener. Services use the defaults; tests make them shorter.
#[derive(Clone, Debug)]
pub struct Limits {
    /// From a connection's opening, or from the first byte of a further request, until the request's head is complete.
    pub head: Duration,
    /// Between two requests. A load balancer keeps idle connections for a minute, and must be the one that closes them:
    /// <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html#connection-idle-timeout>
    pub idle: Duration,
    /// From the first look at a request's body until it is complete; the largest body then needs 17 kB/s.
    pub body: Duration,
    /// From a request's head until its handler has answered.
    pub answer: Duration,
    /// From a request's head until its answer has been taken: whoever reads more slowly is cut off.
    pub exchange: Duration,
    /// Connections at once. Beyond, the source with the most of them gives one up for a newcomer.
    pub connections: usize,
    /// From the order to stop until it has stopped, whoever is not done.
    pub stop: Duration,
}

/// A connection costs some 20 kB, so these take 80 MB.
const MOST_CONNECTIONS: usize = 4096;
/// Few look at a service's health, and they do not wait for each other.
const MOST_OPS_CONNECTIONS: usize = 64;
/// Of the files that the process may open, this part is for callers; the others are for databases, Redis and AWS.
const SHARE_OF_FILES: (usize, usize) = (3, 4);
/// What a process may open where the system does not say.
const USUAL_FILES: usize = 1024;

impl Default for Limits {
    fn default() -> Self {
        Self {
            head: Duration::from_secs(10),
            idle: Duration::from_secs(75),
            body: Duration::from_secs(15),
            answer: Duration::from_secs(20),
            exchange: Duration::from_secs(120),
            connections: MOST_CONNECTIONS.min(open_files() * SHARE_OF_FILES.0 / SHARE_OF_FILES.1),
            stop: STOP_WITHIN,
        }
    }
}

impl Limits {
    /// The same for the second listener, which has few callers.
    pub(super) fn for_operations(&self) -> Self {
        Self { connections: self.connections.min(MOST_OPS_CONNECTIONS), ..self.clone() }
    }
}

/// Files that this process may have open (the soft limit, proc_pid_limits(5)).
fn open_files() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    let soft = line.and_then(|line| line.split_whitespace().next());
    soft.and_then(|soft| soft.parse().ok()).unwrap_or(USUAL_FILES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callers_leave_files_for_the_rest() {
        assert!(open_files() > 16);
        assert!(Limits::default().connections < open_files());
    }
}
