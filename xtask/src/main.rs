//! Tasks of developers and CI: `cargo xtask up | reset | tour | chaos | frontend | test | bench | openapi | examples |
//! client | lint | settings | events | sqlx`.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command-line tool talks to the person who called it")]

mod bench;
mod client;
mod drift;
mod e2e;
mod examples;
mod lint;
mod reset;
mod suite;
mod test;
mod up;

use clap::{Parser, Subcommand};
use std::{ffi::OsString, path::PathBuf, process::ExitCode};

#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", about = "Runs, tests and checks Sevenleague on this machine")]
struct Cli {
    /// Folder for data, logs and the virtual environment [default: .data in the checkout; for root
    /// /var/tmp/sevenleague-… if the postgres user cannot enter that]
    #[arg(long, global = true, env = "SEVENLEAGUE_DATA")]
    data: Option<PathBuf>,
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Start everything and keep it running until Ctrl-C; data stay for the next time
    Up,
    /// Wipe the data that `up` keeps
    Reset,
    /// Walk the story of the platform over HTTP, against the stack that `up` runs or, without one, a stack of its own
    #[command(disable_help_flag = true)]
    Tour {
        /// `--help` lists them
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<OsString>,
    },
    /// Kill, restart and fail over Redis while permissions are given and taken, and count who was still allowed what
    /// was taken
    #[command(disable_help_flag = true)]
    Chaos {
        /// `--help` lists them
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<OsString>,
    },
    /// Try the client and the example page against real services, in Node.js and in Chromium, on a stack of its own
    Frontend,
    /// Run all tests, the tour, the chaos and the client's tests against private copies of PostgreSQL, Redis and ministack
    Test {
        /// Passed on to `cargo nextest run`, or `cargo test` where nextest is not installed
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Measure; builds for release first, which takes minutes
    #[command(subcommand)]
    Bench(bench::Bench),
    /// Write openapi/<service>.json
    Openapi {
        /// Write nothing; fail if a committed file differs
        #[arg(long)]
        check: bool,
    },
    /// Run tests and write an example of each operation that they met, beside its prose
    Examples {
        /// Passed on to the tests, all of which run otherwise
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Write web/client/src/generated from openapi/
    Client {
        /// Write nothing; fail if a committed file differs
        #[arg(long)]
        check: bool,
    },
    /// Have the OpenAPI and AsyncAPI documents read by a linter and by validators
    Lint,
    /// Write docs/settings.md
    Settings {
        /// Write nothing; fail if the committed file differs
        #[arg(long)]
        check: bool,
    },
    /// Write openapi/events (schemas, their revisions, samples, the AsyncAPI document) and docs/messages.md
    Events {
        /// Write nothing; fail if a committed file differs, or if a message is incompatible with a revision of it
        #[arg(long)]
        check: bool,
        /// The commit whose revisions must not have been changed
        #[arg(long, default_value = "HEAD")]
        base: String,
    },
    /// Write services/<service>/.sqlx from a scratch database
    Sqlx {
        /// Write nothing; fail if a committed file differs
        #[arg(long)]
        check: bool,
    },
}

// One thread: a child asks to be told when the thread that started it ends, so that thread must be the one that lives
// as long as we do.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    let data = cli.data;
    let outcome = match cli.task {
        Task::Up => up::run(data).await,
        Task::Reset => reset::run(data).await,
        Task::Tour { args } => e2e::become_it(data, "tour", &args),
        Task::Chaos { args } => e2e::become_it(data, "chaos", &args),
        Task::Frontend => e2e::become_it(data, "frontend", &[]),
        Task::Test { args } => test::run(data, args).await,
        Task::Bench(bench) => bench::run(data, bench).await,
        Task::Openapi { check } => drift::openapi::run(check).await,
        Task::Examples { args } => examples::run(data, args).await,
        Task::Client { check } => drift::client::run(data, check).await,
        Task::Lint => lint::run(data).await,
        Task::Settings { check } => drift::settings::run(check).await,
        Task::Events { check, base } => drift::events::run(check, &base).await,
        Task::Sqlx { check } => drift::sqlx::run(data, check).await,
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("\nerror: {error:#}");
        ExitCode::FAILURE
    })
}
