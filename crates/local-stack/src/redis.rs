//! A private Redis: how it is started, and as whom each service logs in.

use crate::{
    files,
    processes::{Layer, Spec},
    secrets::Secrets,
    tools,
};
use anyhow::{Context, Result, bail, ensure};
use std::{
    collections::BTreeMap,
    fmt::Write,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// Who may do what; without passwords.
const USERS: &str = include_str!("../../../docker/redis-users.conf");
/// May do everything, as PostgreSQL's superuser: for people, tests, and ourselves.
pub const ADMIN: &str = "admin";
/// As whom every product logs in.
const PRODUCT: &str = "product";
const ANSWER: Duration = Duration::from_secs(2);

/// What all processes of a stack's Redis have in common.
#[derive(Clone)]
pub struct Redis {
    /// Where services reach it.
    pub port: u16,
    /// The stack's folder.
    folder: PathBuf,
    passwords: BTreeMap<String, String>,
    /// Data survive a crash.
    durable: bool,
}

impl Redis {
    pub fn new(stack_folder: &Path, port: u16, secrets: &mut Secrets, durable: bool) -> Result<Self> {
        let users =
            USERS.lines().filter_map(|line| line.strip_prefix("user ")?.split_once(" on ")).map(|(user, _)| user);
        let passwords = users
            .map(|user| Ok((user.to_owned(), secrets.password(&format!("redis/{user}"))?)))
            .collect::<Result<_>>()?;
        Ok(Self { port, folder: stack_folder.to_path_buf(), passwords, durable })
    }

    /// A URL with which the service of that package logs in as who it is.
    pub fn url(&self, package: &str) -> String {
        self.url_of(if self.passwords.contains_key(package) { package } else { PRODUCT })
    }

    /// A URL with which everything may be done.
    pub fn admin_url(&self) -> String {
        self.url_of(ADMIN)
    }

    fn url_of(&self, user: &str) -> String {
        format!("redis://{user}:{}@127.0.0.1:{}", self.passwords[user], self.port)
    }

    /// A process that listens on `port`, as a replica if it follows another port.
    pub fn spec(&self, name: &str, port: u16, follows: Option<u16>) -> Result<Spec> {
        let folder = self.folder.join(name);
        fs::create_dir_all(&folder)?;
        let settings = self.folder.join("redis-users.conf");
        files::write_private(&settings, self.settings().as_bytes())?;
        let append_only = if self.durable { "yes" } else { "no" };
        // Evicting a key would log somebody out; coming back without its last second would bring back what was revoked
        // in it. What a replica was sent once must be gone from its disk: should it start as the primary later, it
        // would bring old stamps and sessions back to life.
        let mut args = vec![settings.display().to_string(), "--dir".into(), folder.display().to_string()];
        let fixed = format!(
            "--port {port} --bind 127.0.0.1 --appendonly {append_only} --appendfsync always --maxmemory-policy \
             noeviction \
             --repl-diskless-sync-delay 0 --rdb-del-sync-files yes --save"
        );
        args.extend(fixed.split(' ').chain([""]).map(String::from));
        if let Some(primary) = follows {
            args.extend(["--replicaof".into(), "127.0.0.1".into(), primary.to_string()]);
        }
        let program = tools::find("redis-server").context("redis-server is not installed")?;
        Ok(Spec::new(name, Layer::Infrastructure, program, args))
    }

    /// The users with their passwords; a replica logs in to its primary as the administrator.
    fn settings(&self) -> String {
        let mut settings = format!("masteruser {ADMIN}\nmasterauth {}\n", self.passwords[ADMIN]);
        for line in USERS.lines() {
            let user = line.strip_prefix("user ").and_then(|user| user.split_once(" on "));
            let _ = match user {
                Some((user, rights)) => writeln!(settings, "user {user} on >{} {rights}", self.passwords[user]),
                None => writeln!(settings, "{line}"),
            };
        }
        settings
    }

    /// What the process on `port` answers to one command of the administrator, as it came
    /// (<https://redis.io/docs/latest/develop/reference/protocol-spec/>).
    pub async fn ask(&self, port: u16, command: &str) -> Result<String> {
        let conversation = async {
            let mut connection = TcpStream::connect(("127.0.0.1", port)).await?;
            connection
                .write_all(format!("AUTH {ADMIN} {}\r\n{command}\r\nQUIT\r\n", self.passwords[ADMIN]).as_bytes())
                .await?;
            let mut answers = String::new();
            connection.read_to_string(&mut answers).await?;
            anyhow::Ok(answers)
        };
        let answers = timeout(ANSWER, conversation).await.with_context(|| format!("{command} was not answered"))??;
        let Some(answer) = answers.strip_prefix("+OK\r\n").and_then(|rest| rest.strip_suffix("+OK\r\n")) else {
            bail!("{command} was answered {answers:?}")
        };
        ensure!(!answer.starts_with('-'), "{command} was refused: {answer}");
        Ok(answer.trim_end().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::services::Kind;

    #[test]
    fn every_service_logs_in_as_itself_and_products_as_one() {
        let folder = std::env::temp_dir().join(format!("xtask-redis-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let redis = Redis::new(&folder, 6379, &mut Secrets::open(&folder).unwrap(), false).unwrap();
        for service in crate::services::all().unwrap() {
            let user = if service.kind == Kind::Product { PRODUCT } else { &service.package };
            let url = redis.url(&service.package);
            assert!(url.starts_with(&format!("redis://{user}:")), "{url}");
        }
        assert_eq!(redis.settings().lines().filter(|line| line.contains(" on >")).count(), redis.passwords.len());
        fs::remove_dir_all(&folder).unwrap();
    }
}
