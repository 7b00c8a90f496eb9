//! A primary Redis and its replica, which services reach at one port that leads to whichever is the primary.

use crate::{link::Link, processes::Spec, redis::Redis};
use anyhow::{Result, ensure};

/// A primary and its replica; who is which changes.
pub struct Pair {
    redis: Redis,
    members: [Member; 2],
    primary: usize,
    link: Link,
}

#[derive(Clone, Copy)]
struct Member {
    name: &'static str,
    port: u16,
}

/// Names of the processes.
pub const NAMES: [&str; 2] = ["redis-1", "redis-2"];

impl Pair {
    /// The first of the ports is the primary's; services are led to it from `redis.port`.
    pub async fn open(redis: Redis, ports: [u16; 2]) -> Result<Self> {
        let link = Link::open(redis.port, ports[0]).await?;
        let members = [Member { name: NAMES[0], port: ports[0] }, Member { name: NAMES[1], port: ports[1] }];
        Ok(Self { redis, members, primary: 0, link })
    }

    /// Whose port leads to the primary.
    pub fn redis(&self) -> Redis {
        self.redis.clone()
    }

    pub fn primary(&self) -> &'static str {
        self.members[self.primary].name
    }

    pub fn replica(&self) -> &'static str {
        self.members[1 - self.primary].name
    }

    pub fn primary_spec(&self) -> Result<Spec> {
        let Member { name, port } = self.members[self.primary];
        self.redis.spec(name, port, None)
    }

    pub fn replica_spec(&self) -> Result<Spec> {
        let Member { name, port } = self.members[1 - self.primary];
        self.redis.spec(name, port, Some(self.members[self.primary].port))
    }

    /// Makes the replica the primary, and leads the services to it. The old primary must be dead.
    pub async fn fail_over(&mut self) -> Result<()> {
        self.primary = 1 - self.primary;
        self.ask("REPLICAOF NO ONE").await?;
        self.link.lead_to(self.members[self.primary].port);
        Ok(())
    }

    /// What the primary answers to its administrator.
    pub async fn ask(&self, command: &str) -> Result<String> {
        self.redis.ask(self.members[self.primary].port, command).await
    }

    /// An error unless the replica follows the primary.
    pub async fn in_step(&self) -> Result<()> {
        let state = self.ask("INFO replication").await?;
        ensure!(
            state.contains("role:master") && state.contains("state=online"),
            "the replica does not follow its primary: {state}"
        );
        Ok(())
    }
}
