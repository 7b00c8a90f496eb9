//! The services of the platform: ports, and what each may do in Redis.
//!
//! What a service publishes stands with each message (`messages`), what it hears in the topology. Its name is that of
//! its package, its binary, its database, its client, its user in Redis and its namespace of permissions; a product can
//! have none of these names.

use crate::{
    messages,
    topology::{QUEUES, Queue},
};

/// A service of the platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Service {
    pub name: &'static str,
    /// Where it listens unless told otherwise.
    pub port: u16,
    /// What it may do in Redis beyond what every permission check reads.
    pub redis: &'static [RedisRight],
}

/// What a few may do in Redis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RedisRight {
    /// Open and close sessions.
    Sessions,
    /// Write records of permissions, and the stamps that they were made under.
    Records,
    /// Count what sources do, under its own name.
    Counters,
    /// List wrong attempts, under its own name.
    Attempts,
    /// Tell what its consumers do, under its own name.
    TellConsumers,
    /// Read what all consumers do.
    ReadConsumers,
    /// Announce that a host has changed.
    AnnounceHosts,
    /// Hear that a host has changed.
    HearHosts,
}

pub const AUTH: Service =
    Service { name: "auth", port: 8001, redis: &[RedisRight::Sessions, RedisRight::Counters, RedisRight::Attempts] };
pub const PERMISSION: Service =
    Service { name: "permission", port: 8002, redis: &[RedisRight::Records, RedisRight::TellConsumers] };
pub const BILLING: Service =
    Service { name: "billing", port: 8003, redis: &[RedisRight::Counters, RedisRight::TellConsumers] };
pub const CONFIGURATOR: Service = Service {
    name: "configurator",
    port: 8004,
    redis: &[RedisRight::AnnounceHosts, RedisRight::Counters, RedisRight::TellConsumers],
};
pub const MAILER: Service = Service { name: "mailer", port: 8005, redis: &[RedisRight::TellConsumers] };
pub const WORKER: Service =
    Service { name: "worker", port: 8006, redis: &[RedisRight::TellConsumers, RedisRight::ReadConsumers] };

/// Every service of the platform, in the order of their names.
pub const SERVICES: [Service; 6] = [AUTH, BILLING, CONFIGURATOR, MAILER, PERMISSION, WORKER];

/// Their names.
pub const NAMES: [&str; SERVICES.len()] = {
    let mut names = [""; SERVICES.len()];
    let mut at = 0;
    while at < names.len() {
        names[at] = SERVICES[at].name;
        at += 1;
    }
    names
};

/// The user in Redis that all products share.
pub const PRODUCT_USER: &str = "product";
/// What that user may do.
pub const PRODUCT_RIGHTS: &[RedisRight] = &[RedisRight::HearHosts];

/// Whether a name is one of the platform's, and so no product's: neither as a service nor as a namespace of
/// permissions.
pub fn is_reserved(name: &str) -> bool {
    SERVICES.iter().any(|service| service.name == name)
}

/// The product whose worker has a client of this name: `forum` for `forum-worker`.
pub fn product_of_worker(client_id: &str) -> Option<&str> {
    client_id.strip_suffix("-worker")
}

/// The queues of a service: those whose name is its own, or begins with that and a hyphen.
pub fn queues_of(service: &str) -> impl Iterator<Item = &'static Queue> {
    let own =
        move |queue: &str| queue.strip_prefix(service).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'));
    QUEUES.iter().filter(move |queue| own(queue.name))
}

impl Service {
    /// Its queues.
    pub fn queues(&self) -> impl Iterator<Item = &'static Queue> {
        queues_of(self.name)
    }

    /// Whether it says anything to others.
    pub fn publishes(&self) -> bool {
        messages::ALL.iter().any(|message| message.publishers.contains(&self.name))
    }
}

/// Keys with a tenant's id in braces: the four of a permission check, and no others; everybody reads them. One pattern,
/// and first: Redis tries them in turn for each key, and four made up most of what a check cost it.
const OF_A_TENANT: &str = "*{????????-????-????-????-????????????}:*";

/// The rights of a user in Redis, as `docker/redis-users.conf` says them
/// (<https://redis.io/docs/latest/operate/oss_and_stack/management/security/acl/>).
pub fn redis_acl(user: &str, rights: &[RedisRight]) -> String {
    let has = |right| rights.contains(&right);
    let mut words = vec!["on".to_owned(), "resetchannels".into(), "-@all".into(), format!("%R~{OF_A_TENANT}")];
    let written: [(bool, &[&str]); 2] =
        [(has(RedisRight::Records), &["rec:*", "us:*", "ts"]), (has(RedisRight::Sessions), &["sess:*"])];
    let written = written.iter().filter(|(granted, _)| *granted).flat_map(|(_, kinds)| *kinds);
    words.extend(written.map(|kind| format!("~*{{*}}:{kind}")));
    if has(RedisRight::Counters) || has(RedisRight::Attempts) {
        words.push(format!("~*lim:{user}:*"));
    }
    if has(RedisRight::TellConsumers) {
        words.push(format!("~*consumers:{user}:*"));
    }
    if has(RedisRight::ReadConsumers) {
        words.push("%R~*consumers:*".into());
    }
    if has(RedisRight::AnnounceHosts) || has(RedisRight::HearHosts) {
        words.push("&*hosts".into());
    }
    let commands: [(bool, &[&str]); 9] = [
        (true, &["mget"]),
        (has(RedisRight::Records), &["set", "setex", "wait"]),
        (has(RedisRight::Sessions), &["setex", "del", "wait"]),
        (has(RedisRight::AnnounceHosts), &["publish"]),
        (has(RedisRight::HearHosts), &["subscribe", "unsubscribe"]),
        (has(RedisRight::Counters), &["incr", "decr", "expire", "multi", "exec"]),
        (has(RedisRight::Attempts), &["rpush", "lrange", "lrem", "del", "expire", "multi", "exec"]),
        (has(RedisRight::TellConsumers), &["hset", "expire", "multi", "exec"]),
        (has(RedisRight::ReadConsumers), &["hgetall"]),
    ];
    let allowed = commands.iter().filter(|(granted, _)| *granted).flat_map(|(_, commands)| *commands);
    for command in allowed.chain(&["ping", "info"]).map(|command| format!("+{command}")) {
        if !words.contains(&command) {
            words.push(command);
        }
    }
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_and_ports_are_each_given_once() {
        let names: BTreeSet<_> = NAMES.into_iter().collect();
        assert!(NAMES.is_sorted());
        let ports: BTreeSet<_> = SERVICES.iter().map(|service| service.port).collect();
        assert_eq!((names.len(), ports.len()), (SERVICES.len(), SERVICES.len()));
    }

    #[test]
    fn every_queue_and_every_publisher_is_in_the_roster() {
        for service in SERVICES {
            let tells = service.redis.contains(&RedisRight::TellConsumers);
            assert_eq!(tells, service.queues().next().is_some(), "{}", service.name);
        }
        let queues: Vec<_> = SERVICES.iter().flat_map(Service::queues).map(|queue| queue.name).collect();
        assert_eq!(queues.len(), QUEUES.len(), "{queues:?}");
        for publisher in messages::ALL.iter().flat_map(|message| message.publishers) {
            assert!(is_reserved(publisher) || messages::PRODUCTS.contains(publisher), "{publisher}");
        }
    }
}
