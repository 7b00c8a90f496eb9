//! Faults: who is killed at which step, and what goes away for a while.

use super::{Length, arrows::Arrow, queues, traffic::Traffic};
use crate::tour::guide::{Guide, PATIENCE};
use anyhow::{Context, Result, bail, ensure};
use local_stack::{
    Stack,
    gate::{self, Rule},
    ministack, postgres, tools,
};
use std::time::{Duration, Instant};
use tokio::time::{sleep, timeout};

/// For somebody to come by a gate.
const COMES_BY: Duration = Duration::from_secs(90);
const LOOK: Duration = Duration::from_millis(50);
/// Of an outage, or of a time in which everything is said ten times.
const WHILE: Duration = Duration::from_secs(4);
const READ_ONLY_LONG: Duration = Duration::from_secs(60);
const PUBLISH: &str = "Action=PublishBatch";
/// Every request to SQS has this.
const SQS: &str = "AmazonSQS.";
const TIMES: u8 = 10;
/// Sees to it that the session in which it is said may write, whatever the server says.
const MAY_WRITE: &str = "?options=-c%20default_transaction_read_only%3Doff";

/// What all stand on, or what happens to every message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outage {
    Duplicates,
    CutOffFromAws,
    EmulatorRestarts,
    PostgresCrashes,
    PostgresIsReadOnly,
}

impl Outage {
    pub const ALL: [Self; 5] = [
        Self::Duplicates,
        Self::CutOffFromAws,
        Self::EmulatorRestarts,
        Self::PostgresCrashes,
        Self::PostgresIsReadOnly,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Duplicates => "every message published ten times",
            Self::CutOffFromAws => "SNS and SQS out of reach",
            Self::EmulatorRestarts => "the emulator restarted, its queues empty, the outboxes full",
            Self::PostgresCrashes => "PostgreSQL stopped at once, and recovered",
            Self::PostgresIsReadOnly => "PostgreSQL read-only",
        }
    }
}

pub struct Faults<'a> {
    pub stack: &'a mut Stack,
    pub guide: &'a Guide,
}

impl Faults<'_> {
    pub async fn inflict(&mut self, length: Length, traffic: &Traffic<'_>) -> Result<()> {
        for arrow in Arrow::of(length) {
            let began = Instant::now();
            self.kill_at(arrow).await.with_context(|| format!("killing {}, {}", arrow.victim, arrow.step))?;
            println!("    {}, {}: {:.1} s", arrow.victim, arrow.step, began.elapsed().as_secs_f32());
        }
        for outage in Outage::ALL {
            let began = Instant::now();
            self.suffer(outage, length).await.with_context(|| outage.name())?;
            self.until_well().await.with_context(|| format!("after {}", outage.name()))?;
            println!("    {}: {:.1} s", outage.name(), began.elapsed().as_secs_f32());
        }
        traffic.until_it_flows().await
    }

    async fn kill_at(&mut self, arrow: Arrow) -> Result<()> {
        let gate = self.stack.gates.get(&gate::name(arrow.victim, arrow.asked)).context("there is no such gate")?;
        let caught = gate.catch(arrow.catch);
        timeout(COMES_BY, caught).await.context("nothing came by")??;
        let spec = self.stack.processes.kill(arrow.victim).await?;
        self.stack.processes.start_again(spec)?;
        self.until_well().await
    }

    async fn suffer(&mut self, outage: Outage, length: Length) -> Result<()> {
        match outage {
            Outage::Duplicates => self.under(Rule::Repeat(PUBLISH, TIMES)).await,
            Outage::CutOffFromAws => self.under(Rule::Closed).await,
            Outage::EmulatorRestarts => self.restart_the_emulator().await?,
            Outage::PostgresCrashes => {
                // Its own processes end with it and nothing is written down: as a crash, but that nobody has to wait
                // for the kernel to find out who still has its memory.
                let spec = self.stack.processes.end(postgres::NAME, "QUIT").await?;
                sleep(Duration::from_secs(1)).await;
                self.stack.processes.start_again(spec)?;
            }
            Outage::PostgresIsReadOnly => {
                self.administer("ALTER SYSTEM SET default_transaction_read_only = on").await?;
                sleep(if length == Length::Long { READ_ONLY_LONG } else { WHILE }).await;
                self.administer("ALTER SYSTEM RESET default_transaction_read_only").await?;
            }
        }
        Ok(())
    }

    async fn under(&self, rule: Rule) {
        self.rule(rule);
        sleep(WHILE).await;
        self.rule(Rule::Pass);
    }

    /// At the gate of each service. A call of SES is never cut off: whether such a mail has left, an event tells by the
    /// mail's tag, which the emulator does not show.
    fn rule(&self, rule: Rule) {
        let (aws, mailer) = (format!("-to-{}", gate::AWS), gate::name("mailer", gate::AWS));
        for (name, gate) in self.stack.gates.iter().filter(|(name, _)| name.ends_with(&aws)) {
            gate.rule(if *name == mailer && rule == Rule::Closed { Rule::Refuse(SQS) } else { rule });
        }
    }

    /// It keeps nothing, as AWS would: so first nothing new reaches it, until it has nothing left.
    async fn restart_the_emulator(&mut self) -> Result<()> {
        self.rule(Rule::Refuse(PUBLISH));
        let began = Instant::now();
        while queues::waiting(self.guide).await? > 0 {
            ensure!(began.elapsed() < COMES_BY, "its queues did not become empty");
            sleep(LOOK).await;
        }
        self.rule(Rule::Closed);
        let spec = self.stack.processes.kill(ministack::NAME).await?;
        self.stack.processes.start_again(spec)?;
        self.rule(Rule::Refuse(PUBLISH));
        self.stack.provision_again(&self.guide.state.aws["AWS_ENDPOINT_URL"]).await?;
        self.rule(Rule::Pass);
        Ok(())
    }

    async fn administer(&self, statement: &str) -> Result<()> {
        let url = format!("{}{MAY_WRITE}", self.guide.state.postgres_url);
        tools::psql(&url, statement).await?;
        tools::psql(&url, "SELECT pg_reload_conf()").await.map(drop)
    }

    /// Waits until every service says that it is ready; an error if a process has ended by itself.
    async fn until_well(&mut self) -> Result<()> {
        let began = Instant::now();
        loop {
            self.stack.processes.check()?;
            let Some(ill) = self.ill().await else { return Ok(()) };
            if began.elapsed() >= PATIENCE {
                bail!("{ill} is not ready after {} s", PATIENCE.as_secs());
            }
            sleep(LOOK).await;
        }
    }

    async fn ill(&self) -> Option<String> {
        for (name, service) in &self.guide.state.services {
            let ready = self.guide.http.get(format!("{}/readyz", service.ops_url)).send().await;
            if !ready.is_ok_and(|answer| answer.status().is_success()) {
                return Some(name.clone());
            }
        }
        None
    }
}
