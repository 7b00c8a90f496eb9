//! `services/<service>/.sqlx`: what a database with all migrations says of the service's queries.

use super::{Files, differences, read, verdict, write};
use anyhow::{Context, Result, ensure};
use local_stack::{Options, Stack, cargo, data, tools::Need};
use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    time::SystemTime,
};

pub async fn run(data: Option<PathBuf>, check: bool) -> Result<ExitCode> {
    let options = Options::private("sqlx", &[Need::Postgres]);
    let code = local_stack::with(data, options, async |stack| services(stack, check).await).await?;
    Ok(code.unwrap_or(ExitCode::from(local_stack::INTERRUPTED)))
}

async fn services(stack: &mut Stack, check: bool) -> Result<ExitCode> {
    let postgres = stack.postgres().await?;
    let mut faults = Vec::new();
    for service in with_migrations()? {
        let database = format!("sqlx_{service}");
        postgres.run("postgres", &format!("CREATE DATABASE {database};")).await?;
        for migration in migrations(&service)? {
            postgres.run_file(&database, &migration).await?;
        }
        let described = describe(&service, &postgres.url(&database), &stack.scratch(&service)?).await?;
        let folder = data::checkout().join("services").join(&service).join(".sqlx");
        if check {
            faults.extend(
                differences(&read(&folder, ".json")?, &described)
                    .into_iter()
                    .map(|fault| format!("services/{service}/.sqlx/{fault}")),
            );
        } else {
            write(&folder, ".json", &described)?;
            println!("{service}: {} queries", described.len());
        }
    }
    Ok(if check {
        verdict("sqlx", &faults, "Run `cargo xtask sqlx` and commit the result.")
    } else {
        ExitCode::SUCCESS
    })
}

/// Compiles the service with its database at hand, which writes a file a query.
async fn describe(service: &str, database_url: &str, folder: &Path) -> Result<Files> {
    // Cargo does not know that the database changed: it must see a changed file to expand the macros again.
    let library = data::checkout().join("services").join(service).join("src/lib.rs");
    #[expect(clippy::disallowed_methods, reason = "a file's time, not the platform's")]
    fs::File::options()
        .append(true)
        .open(&library)
        .and_then(|file| file.set_modified(SystemTime::now()))
        .with_context(|| format!("cannot touch {}", library.display()))?;
    let mut command = cargo::command();
    command
        .args(["check", "--quiet", "-p", service])
        .env("DATABASE_URL", database_url)
        .env("SQLX_OFFLINE", "false")
        .env("SQLX_OFFLINE_DIR", folder);
    ensure!(
        command.status().await.context("cannot run cargo")?.success(),
        "{service} does not compile against its database"
    );
    read(folder, ".json")
}

/// The services that have a folder of migrations, by name.
fn with_migrations() -> Result<Vec<String>> {
    let mut services = Vec::new();
    for entry in fs::read_dir(data::checkout().join("migrations"))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        services.extend(data::checkout().join("services").join(&name).is_dir().then_some(name));
    }
    services.sort();
    Ok(services)
}

/// In the order in which they are applied: the tables that every service has, then the service's own, and the audit.
fn migrations(service: &str) -> Result<Vec<PathBuf>> {
    let own = format!("migrations/{service}");
    let folders = ["crates/messaging/migrations", "crates/idempotency/migrations", &own, "crates/audit/migrations"];
    Ok(folders.iter().map(|folder| scripts(&data::checkout().join(folder))).collect::<Result<Vec<_>>>()?.concat())
}

fn scripts(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files: Vec<_> = fs::read_dir(folder)?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|end| end == "sql"))
        .collect();
    files.sort();
    Ok(files)
}
