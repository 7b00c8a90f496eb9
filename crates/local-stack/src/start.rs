//! The start of a whole stack: in which order it comes up, and what keeps it up.

use crate::{
    Infra, POLL, Stack, answers, databases,
    frontend::{self, Frontend},
    gate::{self, Gate},
    ministack,
    processes::{Layer, Spec},
    programs::{self, Programs},
    services::{self, Kind, Service, Settings},
    state::{Operator, Running, State},
};
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::{collections::BTreeMap, convert::Infallible, path::Path, time::Duration};

pub(crate) const READY: Duration = Duration::from_secs(60);
/// Between a service's port and those of its gates.
const GATES: [u16; 2] = [3000, 4000];
const OPERATOR_EMAIL: &str = "operator@sevenleague.test";
/// The operator can do everything once the last of the services' lists has arrived, and this is from the last of them.
const OPERATOR_PERMISSION: &str = "configurator.publishServices";

impl Stack {
    /// Builds, migrates, provisions, seeds and starts everything, and waits until it is ready.
    pub async fn start(&mut self) -> Result<State> {
        let mut packages = services::packages()?;
        packages.push("local-aws".into());
        let services = services::all()?;
        println!("building the services, starting PostgreSQL, Redis and ministack");
        let (frontend, root) = (self.options.frontend, self.root.clone());
        let page = async || if frontend { Frontend::build(&root).await } else { Ok(None) };
        let (programs, page, infra) = tokio::try_join!(programs::build("dev", &packages), page(), self.infra())?;
        let settings = self.settings(services, &infra).await?;
        self.prepare(&programs, &settings).await?;
        let expired_token = self.expired_token(&programs, &settings).await?;
        self.start_services(&programs, &settings).await?;
        self.publish(&programs, &settings).await?;
        if let Some(page) = &page {
            self.processes.start(page.spec(&settings))?;
            let url = settings.frontend_url();
            self.wait_for(frontend::NAME, READY, async |http| answers(http, &url).await).await?;
        }

        let state = State {
            folder: self.folder.path.clone(),
            services: settings
                .services
                .iter()
                .map(|service| Ok((service.name.clone(), self.running(service, &settings)?)))
                .collect::<Result<_>>()?,
            frontend: page.map(|_| settings.frontend_url()),
            operator: self.operator(&settings, OPERATOR_PERMISSION).await?,
            product_secrets: settings.product_secrets(&mut self.secrets)?,
            expired_token,
            postgres_url: infra.postgres.url("postgres"),
            redis_url: infra.redis.admin_url(),
            aws: infra.aws.clone(),
        };
        state.save()?;
        Ok(state)
    }

    /// What the environments of these services are made of: each has a port, and those of the platform a database.
    pub(crate) async fn settings<'a>(&mut self, services: Vec<Service>, infra: &'a Infra) -> Result<Settings<'a>> {
        let Infra { postgres, redis, aws } = infra;
        let platform = services.iter().filter(|service| service.kind == Kind::Platform);
        databases::create(&mut self.secrets, postgres, platform.map(|service| service.package.clone())).await?;
        let mut ports = BTreeMap::new();
        for service in &services {
            ports.insert(service.name.clone(), self.ports.pick_with_ops(&service.name, service.port)?);
        }
        let gates = if self.options.gated { self.open_gates(&services, &ports, aws).await? } else { BTreeMap::new() };
        Ok(Settings {
            services,
            ports,
            gates,
            postgres,
            redis,
            aws,
            access_token_seconds: self.options.access_token_seconds,
            frontend_port: self.ports.pick(frontend::NAME, frontend::PORT)?,
            dns_file: self.folder.path.join("dns-txt"),
            redis_replicas: self.options.redis_pair.into(),
        })
    }

    async fn open_gates(
        &mut self,
        services: &[Service],
        ports: &BTreeMap<String, u16>,
        aws: &BTreeMap<String, String>,
    ) -> Result<BTreeMap<String, u16>> {
        let endpoint = aws["AWS_ENDPOINT_URL"].rsplit(':').next().and_then(|port| port.parse().ok());
        let aws = endpoint.context("the emulator's endpoint has a port")?;
        let mut opened = BTreeMap::new();
        for service in services {
            let configurator =
                (service.kind == Kind::ProductWorker).then_some((gate::CONFIGURATOR, ports["configurator"]));
            for (offset, (asked, target)) in [(gate::AWS, aws)].into_iter().chain(configurator).enumerate() {
                let name = gate::name(&service.name, asked);
                let port = self.ports.pick(&name, service.port + GATES[offset])?;
                self.gates.insert(name.clone(), Gate::open(port, target).await?);
                opened.insert(name, port);
            }
        }
        Ok(opened)
    }

    /// Brings the databases of these services up to date.
    pub(crate) async fn migrate(
        &mut self,
        services: impl Iterator<Item = &Service>,
        programs: &Programs,
        settings: &Settings<'_>,
    ) -> Result<()> {
        for service in services {
            let migrate = self.spec(&format!("{}-migrate", service.name), "migrate", service, programs, settings)?;
            self.processes.run(&migrate).await?;
        }
        Ok(())
    }

    /// Starts these services, and waits until they are ready.
    pub(crate) async fn serve(
        &mut self,
        services: impl Iterator<Item = &Service> + Clone,
        programs: &Programs,
        settings: &Settings<'_>,
    ) -> Result<()> {
        for service in services.clone() {
            let serve = self.spec(&service.name, "serve", service, programs, settings)?;
            self.processes.start(serve)?;
        }
        for service in services {
            let ready = format!("{}/readyz", settings.ops_url(&service.name));
            self.wait_for(&service.name, READY, async |http| answers(http, &ready).await).await?;
        }
        Ok(())
    }

    /// Everything that must be there before a service starts: tables, queues, the operator.
    async fn prepare(&mut self, programs: &Programs, settings: &Settings<'_>) -> Result<()> {
        println!("migrating, provisioning, seeding");
        let platform = settings.services.iter().filter(|service| service.kind == Kind::Platform);
        self.migrate(platform, programs, settings).await?;
        let provision = local_aws("local-aws-provision", &["provision"], programs, settings);
        // ministack refuses senders it does not know, and knows none after a restart.
        let bootstrap = self.spec("mailer-bootstrap", "bootstrap", settings.service("mailer"), programs, settings)?;
        self.provision = vec![provision, bootstrap];
        self.provision().await?;
        let seed = self.seed(programs, settings)?;
        self.processes.run(&seed).await
    }

    /// Makes the operator.
    pub(crate) fn seed(&mut self, programs: &Programs, settings: &Settings<'_>) -> Result<Spec> {
        let mut seed = self.spec("auth-seed", "seed-operator", settings.service("auth"), programs, settings)?;
        seed.env.insert("OPERATOR_EMAIL".into(), OPERATOR_EMAIL.into());
        seed.env.insert("OPERATOR_PASSWORD".into(), self.secrets.password("operator")?);
        Ok(seed)
    }

    /// Has auth run for a moment with tokens that live for a second: nobody wants to wait for one of the others to
    /// expire.
    async fn expired_token(&mut self, programs: &Programs, settings: &Settings<'_>) -> Result<String> {
        const NAME: &str = "auth-briefly";
        let mut brief = self.spec(NAME, "serve", settings.service("auth"), programs, settings)?;
        brief.env.insert("ACCESS_TOKEN_SECONDS".into(), "1".into());
        self.processes.start(brief)?;
        let ready = format!("{}/readyz", settings.ops_url("auth"));
        self.wait_for(NAME, READY, async |http| answers(http, &ready).await).await?;
        let token = self.log_in(settings).await?;
        self.processes.stop_one(NAME).await?;
        Ok(token)
    }

    async fn start_services(&mut self, programs: &Programs, settings: &Settings<'_>) -> Result<()> {
        println!("starting the services");
        let seen = self.folder.path.join("simulator.json").display().to_string();
        self.processes.start(local_aws("local-aws", &["simulate", "--state", &seen], programs, settings))?;
        self.serve(settings.services.iter(), programs, settings).await
    }

    /// Tells the platform of the newest version of each product.
    async fn publish(&mut self, programs: &Programs, settings: &Settings<'_>) -> Result<()> {
        for product in settings.services.iter().filter(|service| service.kind == Kind::Product) {
            let publish = self.spec(&format!("{}-publish", product.name), "publish", product, programs, settings)?;
            self.processes.run(&publish).await.with_context(|| {
                let name = &product.name;
                format!(
                    "{name} is not published; if its bundle changed under the same version, `cargo xtask reset` \
                         forgets the old one"
                )
            })?;
        }
        Ok(())
    }

    pub(crate) fn spec(
        &mut self,
        name: &str,
        command: &str,
        service: &Service,
        programs: &Programs,
        settings: &Settings<'_>,
    ) -> Result<Spec> {
        Ok(program(name, &programs[&service.package], &[command], settings.env(service, &mut self.secrets)?))
    }

    fn running(&self, service: &Service, settings: &Settings<'_>) -> Result<Running> {
        let pid = self.processes.pid(&service.name).with_context(|| format!("{} is not running", service.name))?;
        Ok(Running {
            url: settings.url(&service.name),
            ops_url: settings.ops_url(&service.name),
            pid,
            log: self.processes.log(&service.name),
        })
    }

    /// Logs the operator in, and waits until `permission` has arrived.
    pub(crate) async fn operator(&mut self, settings: &Settings<'_>, permission: &str) -> Result<Operator> {
        let access_token = self.log_in(settings).await?;
        let permissions = format!("{}/v1/me/permissions", settings.url("permission"));
        let may_publish = async |http: &reqwest::Client| {
            let body = http.get(&permissions).bearer_auth(&access_token).send().await?.text().await?;
            if body.contains(&format!("\"{permission}\"")) {
                Ok(())
            } else {
                bail!("the operator still lacks {permission}: {body}")
            }
        };
        self.wait_for("permission", READY, may_publish).await?;
        Ok(Operator { email: OPERATOR_EMAIL.into(), password: self.secrets.password("operator")?, access_token })
    }

    /// The operator's access token.
    async fn log_in(&mut self, settings: &Settings<'_>) -> Result<String> {
        let credentials = json!({ "email": OPERATOR_EMAIL, "password": self.secrets.password("operator")? });
        let login = self.http.post(format!("{}/v1/sessions", settings.url("auth"))).json(&credentials).send().await?;
        let (status, body) = (login.status(), login.text().await?);
        let session: Value = serde_json::from_str(&body).unwrap_or_default();
        Ok(session["access_token"]
            .as_str()
            .with_context(|| format!("the operator cannot log in: {status} {body}"))?
            .to_owned())
    }

    /// Starts again whatever ends, for as long as it is awaited; an error if something keeps ending.
    pub async fn supervise(&mut self, state: &mut State) -> Result<Infallible> {
        loop {
            for name in self.processes.revive()? {
                if let (Some(service), Some(pid)) = (state.services.get_mut(&name), self.processes.pid(&name)) {
                    service.pid = pid;
                }
                if name == ministack::NAME {
                    self.provision_again(&state.aws["AWS_ENDPOINT_URL"]).await?;
                }
                state.save()?;
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Makes topics, queues and the sender of mail once more, after ministack has started again: it keeps them in
    /// memory only.
    pub async fn provision_again(&mut self, endpoint: &str) -> Result<()> {
        let health = format!("{endpoint}/_ministack/health");
        self.wait_for("ministack", READY, async |http| answers(http, &health).await).await?;
        self.provision().await
    }

    async fn provision(&self) -> Result<()> {
        for step in &self.provision {
            self.processes.run(step).await?;
        }
        Ok(())
    }
}

pub(crate) fn local_aws(name: &str, args: &[&str], programs: &Programs, settings: &Settings<'_>) -> Spec {
    let mut env = settings.aws.clone();
    env.insert("RESOURCE_PREFIX".into(), "sevenleague".into());
    env.insert("OBJECTS_BUCKETS".into(), settings.buckets());
    env.insert("LOG_FORMAT".into(), "text".into());
    program(name, &programs["local-aws"], args, env)
}

pub(crate) fn program(name: &str, program: &Path, args: &[&str], env: BTreeMap<String, String>) -> Spec {
    let args = args.iter().map(ToString::to_string).collect();
    Spec { env, ..Spec::new(name, Layer::Service, program.into(), args) }
}
