//! The command line of a binary: `serve`, `migrate`, `healthcheck`, `openapi`, `settings`, and what a service adds.

use crate::tables;
use clap::{Arg, ArgMatches};
use common::{
    config::{Base, Database, Env, OPS_OFFSET, Setting},
    crypto, origin,
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
/// A process that does not answer in this time is ill.
const HEALTH_TIMEOUT: Duration = Duration::from_secs(3);

/// What a binary must know of what it runs: a [`crate::Service`], or a product.
pub trait Program: 'static {
    const NAME: &'static str;
    const ABOUT: &'static str;
    const PORT: u16;
    /// `None` for a program without a database of its own.
    const MIGRATOR: Option<&'static Migrator>;
    /// Lists of what the binary can do besides what every one can.
    const COMMANDS: &'static [&'static [Command]] = &[];
    type Config: Send;

    fn read(env: &mut Env) -> Option<Self::Config>;
    fn base(config: &Self::Config) -> &Base;
    fn openapi() -> Value;
    fn serve(config: Self::Config, lifecycle: Lifecycle) -> impl Future<Output = anyhow::Result<()>> + Send;
    /// One sentence for each thing that is wrong with the description; [`crate::binary!`] tests that there is none.
    fn faults() -> Vec<String>;
}

/// Something that one binary alone can do.
pub struct Command {
    pub name: &'static str,
    /// What `--help` says of it.
    pub about: &'static str,
    /// What its one argument is called, if it has one.
    pub argument: Option<&'static str>,
    /// What it asks its environment.
    pub settings: fn() -> Vec<Setting>,
    /// Does it, with the argument.
    pub run: fn(Option<String>) -> ExitCode,
}

/// The `main` of a binary, and a test that what it runs is described well.
#[macro_export]
macro_rules! binary {
    ($program:ty) => {
        fn main() -> std::process::ExitCode {
            $crate::cli::run::<$program>()
        }

        #[cfg(test)]
        #[test]
        fn the_description_is_sound() {
            let faults = $crate::cli::faults::<$program>();
            assert!(faults.is_empty(), "{}", faults.join("\n"));
        }
    };
}

/// Does what the command line says; the exit code is 2 for a wrong environment and 1 for any other fault.
pub fn run<P: Program>() -> ExitCode {
    crypto::install();
    let matches = command_line::<P>().get_matches();
    match matches.subcommand() {
        Some(("serve", _)) => serve::<P>(),
        Some(("migrate", _)) => migrate::<P>(),
        Some(("healthcheck", _)) => healthcheck::<P>(),
        Some(("openapi", _)) => print(&P::openapi()),
        Some(("settings", _)) => print(&serde_json::json!(settings::<P>())),
        Some((name, given)) => own::<P>(name, given),
        None => ExitCode::FAILURE,
    }
}

fn command_line<P: Program>() -> clap::Command {
    let said = |name, about| clap::Command::new(name).about(about);
    let common = [
        said("serve", "Listen until SIGTERM"),
        said("migrate", "Bring the service's own database up to date"),
        said("healthcheck", "Exit 0 if the process on OPS_ADDR is alive; for container health checks"),
        said("openapi", "Print the OpenAPI document"),
        said("settings", "Print what the environment is asked for, as JSON"),
    ];
    let own = commands::<P>().map(|command| {
        said(command.name, command.about).args(command.argument.map(|argument| Arg::new(argument).required(true)))
    });
    said(P::NAME, P::ABOUT)
        .version(env!("CARGO_PKG_VERSION"))
        .subcommand_required(true)
        .subcommands(common)
        .subcommands(own)
}

fn own<P: Program>(name: &str, given: &ArgMatches) -> ExitCode {
    let command = commands::<P>().find(|command| command.name == name);
    let Some(command) = command else { return ExitCode::FAILURE };
    let given = command.argument.and_then(|argument| given.get_one::<String>(argument).cloned());
    origin::of_command(|| (command.run)(given))
}

fn commands<P: Program>() -> impl Iterator<Item = &'static Command> {
    P::COMMANDS.iter().copied().flatten()
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

/// Everything that the program and its commands ask of their environment, each once.
pub fn settings<P: Program>() -> Vec<Setting> {
    let mut settings = Env::questions(P::read);
    for setting in commands::<P>().flat_map(|command| (command.settings)()) {
        if settings.iter().all(|known| known.name != setting.name) {
            settings.push(setting);
        }
    }
    settings
}

/// What is wrong with the description.
pub fn faults<P: Program>() -> Vec<String> {
    let unexplained = settings::<P>().into_iter().filter(|setting| setting.meaning.is_empty());
    let unexplained = unexplained.map(|setting| format!("nothing says what the setting {} means", setting.name));
    P::faults().into_iter().chain(unexplained).collect()
}

fn serve<P: Program>() -> ExitCode {
    with_config(P::read, async |config| {
        let base = P::base(&config);
        telemetry::init_logs(base.log_format, &base.log_filter);
        telemetry::metrics();
        P::serve(config, Lifecycle::until_signal()?).await
    })
}

fn migrate<P: Program>() -> ExitCode {
    let Some(migrator) = P::MIGRATOR else { return ExitCode::SUCCESS };
    with_config(Database::read, async |database| {
        let mut connection = PgConnection::connect(database.url.expose_secret()).await?;
        Ok(tables::migrate(&mut connection, migrator).await?)
    })
}

fn healthcheck<P: Program>() -> ExitCode {
    let read = |env: &mut Env| env.or("OPS_ADDR", SocketAddr::from(([127, 0, 0, 1], P::PORT + OPS_OFFSET)));
    with_config(read, async |ops_addr: SocketAddr| {
        let url = format!("http://127.0.0.1:{}/healthz", ops_addr.port());
        reqwest::Client::new().get(url).timeout(HEALTH_TIMEOUT).send().await?.error_for_status()?;
        Ok(())
    })
}

#[expect(clippy::print_stdout, reason = "printing is what the command is for")]
fn print(document: &Value) -> ExitCode {
    println!("{document:#}");
    ExitCode::SUCCESS
}

#[expect(clippy::print_stderr, reason = "the log may not be running yet")]
fn fail(code: u8, message: &str) -> ExitCode {
    eprintln!("{message}");
    ExitCode::from(code)
}
