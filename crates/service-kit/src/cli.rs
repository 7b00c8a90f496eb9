//! What can a service's binary be told to do? `serve`, `migrate`, `healthcheck`, `openapi`.

use clap::Subcommand;
use common::{
    config::{Base, Database, Env},
    crypto,
    problem::Chain,
    server::Lifecycle,
    telemetry,
};
use secrecy::ExposeSecret;
use serde_json::Value;
use sqlx::{Connection, PgConnection, migrate::Migrator};
use std::{net::SocketAddr, process::ExitCode, time::Duration};

/// Exit code for an environment that cannot be served with.
const BAD_ENVIRONMENT: u8 = 2;

/// A thread that is still blocked when everything else has stopped is waited for no longer.
const LINGER: Duration = Duration::from_millis(500);

/// What `main` needs to know about a service.
pub trait Service {
    const NAME: &'static str;
    const PORT: u16;
    /// `None` for a service without a database of its own.
    const MIGRATOR: Option<&'static Migrator>;
    type Config: Send;

    fn read(env: &mut Env) -> Option<Self::Config>;
    fn base(config: &Self::Config) -> &Base;
    fn openapi() -> Value;
    fn serve(config: Self::Config, lifecycle: Lifecycle) -> impl Future<Output = anyhow::Result<()>> + Send;
}

#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Listen until SIGTERM.
    Serve,
    /// Bring the service's own database up to date.
    Migrate,
    /// Exit 0 if the process on OPS_ADDR is alive; for container health checks.
    Healthcheck,
    /// Print the OpenAPI document.
    Openapi,
}

/// Carries out `command`; the exit code is 2 for a wrong environment and 1 for any other fault.
pub fn run<S: Service>(command: Command) -> ExitCode {
    crypto::install();
    match command {
        Command::Serve => serve::<S>(),
        Command::Migrate => migrate::<S>(),
        Command::Healthcheck => healthcheck::<S>(),
        Command::Openapi => openapi::<S>(),
    }
}

/// Reads the configuration with `read` and runs `act` with it.
pub fn with_config<C>(
    read: impl FnOnce(&mut Env) -> Option<C>,
    act: impl AsyncFnOnce(C) -> anyhow::Result<()>,
) -> ExitCode {
    let mut env = Env::from_process();
    let config = read(&mut env);
    let config = match env.finish(config) {
        Ok(config) => config,
        Err(faults) => return fail(BAD_ENVIRONMENT, &faults.to_string()),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(1, &error.to_string()),
    };
    let outcome = runtime.block_on(act(config));
    // Dropped, it would wait for whatever blocks a thread, such as a name server that does not answer.
    runtime.shutdown_timeout(LINGER);
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(1, &Chain(error.as_ref()).to_string()),
    }
}

fn serve<S: Service>() -> ExitCode {
    with_config(S::read, async |config| {
        let base = S::base(&config);
        telemetry::init_logs(base.log_format, &base.log_filter);
        telemetry::metrics();
        S::serve(config, Lifecycle::until_signal()?).await
    })
}

fn migrate<S: Service>() -> ExitCode {
    let Some(migrator) = S::MIGRATOR else { return ExitCode::SUCCESS };
    with_config(Database::read, async |database| {
        let mut connection = PgConnection::connect(database.url.expose_secret()).await?;
        Ok(migrator.run(&mut connection).await?)
    })
}

fn healthcheck<S: Service>() -> ExitCode {
    let read = |env: &mut Env| env.or("OPS_ADDR", SocketAddr::from(([127, 0, 0, 1], S::PORT + 1000)));
    with_config(read, async |ops_addr| {
        let url = format!("http://127.0.0.1:{}/healthz", ops_addr.port());
        reqwest::Client::new().get(url).timeout(Duration::from_secs(3)).send().await?.error_for_status()?;
        Ok(())
    })
}

#[expect(clippy::print_stdout, reason = "printing is what the command is for")]
fn openapi<S: Service>() -> ExitCode {
    println!("{:#}", S::openapi());
    ExitCode::SUCCESS
}

#[expect(clippy::print_stderr, reason = "the log may not be running yet")]
fn fail(code: u8, message: &str) -> ExitCode {
    eprintln!("{message}");
    ExitCode::from(code)
}
