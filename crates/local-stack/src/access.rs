//! What the benchmark of the permission check stands on: auth and the permission service as they are shipped, and a
//! place for its own server.

use crate::{
    Stack, answers, files,
    processes::Spec,
    programs::{self, Programs},
    services,
    start::{READY, local_aws, program},
};
use anyhow::{Context, Result};
use serde_json::Value;
use std::collections::BTreeMap;

const BENCH: &str = "access-bench";
const SERVICES: [&str; 2] = ["auth", "permission"];
/// The service whose place, rights and port the benchmark's server takes.
const PLACE: &str = "billing";
/// What the operator must have before anything is measured.
const PERMISSION: &str = "auth.writeClients";

pub struct Access {
    pub operator_token: String,
    pub auth_url: String,
    pub permission_url: String,
    /// Where the benchmark's server listens once it is started.
    pub bench_url: String,
    programs: Programs,
    /// The environments of services, by name.
    env: BTreeMap<&'static str, BTreeMap<String, String>>,
}

impl Stack {
    /// Builds auth, the permission service and the benchmark for release, and starts the two.
    pub async fn start_access(&mut self) -> Result<Access> {
        println!("building auth, permission and {BENCH} for release, starting PostgreSQL, Redis and ministack");
        let mut programs = programs::build("release", &[SERVICES[0], SERVICES[1], BENCH]).await?;
        programs.extend(programs::build("dev", &["local-aws"]).await?);
        let infra = self.infra().await?;
        let services = services::platform().into_iter().filter(|service| is_used(&service.name)).collect();
        let settings = self.settings(services, &infra).await?;
        let served = SERVICES.iter().map(|name| settings.service(name));
        self.migrate(served.clone(), &programs, &settings).await?;
        self.processes.run(&local_aws("local-aws-provision", &["provision"], &programs, &settings)).await?;
        let seed = self.seed(&programs, &settings)?;
        self.processes.run(&seed).await?;
        self.serve(served, &programs, &settings).await?;
        let operator = self.operator(&settings, PERMISSION).await?;
        let (auth_url, permission_url, bench_url) =
            (settings.url("auth"), settings.url("permission"), settings.url(PLACE));
        let mut env = BTreeMap::new();
        for name in SERVICES.into_iter().chain([PLACE]) {
            env.insert(name, settings.env(settings.service(name), &mut self.secrets)?);
        }
        Ok(Access { operator_token: operator.access_token, auth_url, permission_url, bench_url, programs, env })
    }

    /// Starts the benchmark's server.
    pub async fn serve_bench(&mut self, access: &Access) -> Result<()> {
        let serve = access.spec(BENCH, PLACE, &["serve"], &[("BENCH_TOKEN", &access.operator_token)]);
        self.processes.start(serve)?;
        let route = format!("{}/bare", access.bench_url);
        self.wait_for(BENCH, READY, async |http| answers(http, &route).await).await
    }

    /// What the benchmark says when it is run to its end in the place of `service`.
    pub async fn bench(&self, access: &Access, service: &str, args: &[&str], env: &[(&str, &str)]) -> Result<Value> {
        let name = format!("{BENCH}-{}", args[0]);
        self.processes.run(&access.spec(&name, service, args, env)).await?;
        let told = files::tail(&self.processes.log(&name), 1);
        serde_json::from_str(&told).with_context(|| format!("{name} does not say what it found: {told}"))
    }
}

fn is_used(name: &str) -> bool {
    name == PLACE || SERVICES.contains(&name)
}

impl Access {
    fn spec(&self, name: &str, service: &str, args: &[&str], env: &[(&str, &str)]) -> Spec {
        let mut all = self.env[service].clone();
        all.extend(env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        program(name, &self.programs[BENCH], args, all)
    }
}
