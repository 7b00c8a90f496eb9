//! A private PostgreSQL: how it comes to be, and how it is spoken to.

use crate::{
    data::is_root,
    files,
    processes::{Layer, Spec},
    tools,
};
use anyhow::{Context, Result, ensure};
use std::{
    fs,
    os::unix::fs::{PermissionsExt, chown},
    path::{Path, PathBuf},
    process::Stdio,
};
use tokio::process::Command;

/// The name of its process.
pub const NAME: &str = "postgres";
/// In PostgreSQL 15 `DROP DATABASE` waits for whoever is silent while they log in; by default for a minute.
const AUTHENTICATION_TIMEOUT: &str = "5s";

pub struct Postgres {
    bin: PathBuf,
    /// PostgreSQL refuses to run as root.
    user: Option<&'static str>,
    folder: PathBuf,
    port: u16,
    password: String,
    /// Data outlive a crash of the machine, and not only of PostgreSQL; tests need not pay for that.
    durable: bool,
}

impl Postgres {
    pub fn new(stack_folder: &Path, port: u16, password: String, durable: bool) -> Result<Self> {
        let folder = stack_folder.join("postgres");
        // Data made by one major version are read by that version only.
        let made_by = fs::read_to_string(folder.join("data/PG_VERSION")).ok();
        let fits =
            |bin: &PathBuf| made_by.as_deref().is_none_or(|version| bin.ends_with(format!("{}/bin", version.trim())));
        let installed = tools::postgres_folders();
        let bin = installed
            .iter()
            .find(|bin| fits(bin))
            .or(installed.first())
            .cloned()
            .context("PostgreSQL is not installed")?;
        Ok(Self { bin, user: is_root().then_some("postgres"), folder, port, password, durable })
    }

    /// A URL of the superuser.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres:{}@127.0.0.1:{}/{database}", self.password, self.port)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Makes the data folder unless there is one.
    pub async fn init(&self) -> Result<()> {
        let data = self.folder.join("data");
        if data.exists() {
            return Ok(());
        }
        // Moved in place when complete, so that an interrupted first start is no broken second one.
        let unfinished = self.folder.join("unfinished");
        let password = self.folder.join("password");
        let _ = fs::remove_dir_all(&self.folder);
        fs::create_dir_all(&self.folder)?;
        files::write_private(&password, self.password.as_bytes())?;
        fs::set_permissions(&self.folder, fs::Permissions::from_mode(0o700))?;
        if let Some(user) = self.user {
            let (uid, gid) = ids_of(user)?;
            chown(&self.folder, Some(uid), Some(gid))?;
            chown(&password, Some(uid), Some(gid))?;
        }
        let mut command = self.as_user(self.bin.join("initdb"))?;
        // Over the loopback only, and checked against a SCRAM verifier all the same. With `scram-sha-256` the client
        // would do the 4096 rounds, in an unoptimised build and for each of some eighty connections: that took longer
        // than all the rest.
        command.args(["--username=postgres", "--auth=password", "--encoding=UTF8", "--locale=C.UTF-8"]);
        command.arg(format!("--pwfile={}", password.display())).arg(format!("--pgdata={}", unfinished.display()));
        if !self.durable {
            command.arg("--no-sync");
        }
        tools::run(command.current_dir("/"), &self.folder.with_file_name("initdb.log")).await?;
        fs::remove_file(password)?;
        fs::rename(unfinished, data)?;
        Ok(())
    }

    pub fn spec(&self) -> Spec {
        let mut settings =
            vec![format!("port={}", self.port), "listen_addresses=127.0.0.1".into(), "unix_socket_directories=".into()];
        settings.extend(["max_connections=400".into(), format!("authentication_timeout={AUTHENTICATION_TIMEOUT}")]);
        if !self.durable {
            settings.extend(["fsync=off", "full_page_writes=off"].map(String::from));
        }
        let data = self.folder.join("data").display().to_string();
        let args = ["-D".into(), data]
            .into_iter()
            .chain(settings.into_iter().flat_map(|setting| ["-c".into(), setting]))
            .collect();
        let program = self.bin.join("postgres");
        Spec { user: self.user, stop: "INT", ..Spec::new(NAME, Layer::Infrastructure, program, args) }
    }

    pub async fn is_ready(&self) -> bool {
        let probe = self.psql("postgres", &["-c", "select 1"]).output().await;
        probe.is_ok_and(|output| output.status.success())
    }

    /// Runs a script as superuser; each statement commits by itself.
    pub async fn run(&self, database: &str, script: &str) -> Result<()> {
        let file = self.folder.with_file_name(format!("script-{database}.sql"));
        files::write_private(&file, script.as_bytes())?;
        let outcome = self.run_file(database, &file).await;
        fs::remove_file(&file)?;
        outcome
    }

    pub async fn run_file(&self, database: &str, script: &Path) -> Result<()> {
        let file = script.display().to_string();
        let output = self.psql(database, &["-f", &file]).output().await.context("cannot run psql")?;
        ensure!(
            output.status.success(),
            "{file} failed in database {database}:\n{}",
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(())
    }

    fn as_user(&self, program: PathBuf) -> Result<Command> {
        let Some(user) = self.user else { return Ok(Command::new(program)) };
        let mut command = Command::new(tools::find("setpriv").context("there is no setpriv (package util-linux)")?);
        command.args([&format!("--reuid={user}"), &format!("--regid={user}"), "--init-groups"]).arg(program);
        Ok(command)
    }

    fn psql(&self, database: &str, args: &[&str]) -> Command {
        let mut command = Command::new(self.bin.join("psql"));
        command.args("--no-psqlrc --quiet --no-password --set=ON_ERROR_STOP=1 --host=127.0.0.1".split(' '));
        command.arg("--username=postgres");
        command.arg(format!("--port={}", self.port)).arg(format!("--dbname={database}")).args(args);
        command.env("PGPASSWORD", &self.password).env("PGOPTIONS", "-c client_min_messages=warning");
        command.stdin(Stdio::null()).kill_on_drop(true);
        command
    }
}

fn ids_of(user: &str) -> Result<(u32, u32)> {
    let passwd = fs::read_to_string("/etc/passwd")?;
    let fields =
        passwd.lines().map(|line| line.split(':').collect::<Vec<_>>()).find(|fields| fields.first() == Some(&user));
    let fields = fields.filter(|fields| fields.len() > 3).with_context(|| format!("there is no user {user}"))?;
    Ok((fields[2].parse()?, fields[3].parse()?))
}

#[cfg(test)]
mod tests {
    use crate::{Options, Stack, tools::Need};
    use std::time::{Duration, Instant};
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpStream,
    };

    /// Says who it is, and then nothing (<https://www.postgresql.org/docs/15/protocol-message-formats.html>,
    /// StartupMessage).
    async fn silent(port: u16) -> anyhow::Result<TcpStream> {
        let message = b"\0\0\0\x29\0\x03\0\0user\0postgres\0database\0postgres\0\0";
        let mut stranger = TcpStream::connect(("127.0.0.1", port)).await?;
        stranger.write_all(message).await?;
        anyhow::ensure!(stranger.read_u8().await? == b'R', "PostgreSQL asks for no password");
        Ok(stranger)
    }

    #[tokio::test]
    async fn a_stranger_who_is_silent_while_they_log_in_holds_up_the_drop_of_a_database_for_seconds_only() {
        let data = std::env::temp_dir().join(format!("xtask-silent-{}", std::process::id()));
        let dropped = async |stack: &mut Stack| {
            let postgres = stack.postgres().await?;
            postgres.run("postgres", "CREATE DATABASE abandoned;").await?;
            let stranger = silent(postgres.port()).await?;
            let began = Instant::now();
            postgres.run("postgres", "DROP DATABASE abandoned;").await?;
            drop(stranger);
            Ok(began.elapsed())
        };
        let took = crate::with(Some(data.clone()), Options::private("silent", &[Need::Postgres]), dropped)
            .await
            .unwrap()
            .unwrap();
        std::fs::remove_dir_all(data).unwrap();
        assert!(took < Duration::from_secs(20), "{took:?}");
    }
}
