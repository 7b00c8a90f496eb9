//! What was this process told by its environment?

use crate::{provisioning::server::InstanceServer, secrets::Sealer};
use common::config::{Base, Database, Env};
use secrecy::ExposeSecret;

/// Documented local port; the ops listener's is 1000 higher.
pub const PORT: u16 = 8004;

#[derive(Clone)]
pub struct Config {
    pub base: Base,
    pub database: Database,
    /// Seals passwords and setup codes (`SECRET_ENCRYPTION_KEY`, 32 bytes in base64).
    pub sealer: Sealer,
    /// Where instances' databases are made (`INSTANCE_ADMIN_URL`, of a role with CREATEDB and CREATEROLE).
    pub instance_server: InstanceServer,
}

impl Config {
    pub fn read(env: &mut Env) -> Option<Self> {
        let base = Base::read(env, crate::NAME, PORT);
        let database = Database::read(env);
        let sealer = env.key("SECRET_ENCRYPTION_KEY").map(|key| Sealer::new(&key));
        let instance_server = instance_server(env);
        Some(Self { base: base?, database: database?, sealer: sealer?, instance_server: instance_server? })
    }
}

fn instance_server(env: &mut Env) -> Option<InstanceServer> {
    let url = env.secret("INSTANCE_ADMIN_URL")?;
    InstanceServer::parse(url.expose_secret()).map_err(|fault| env.fault(format!("INSTANCE_ADMIN_URL {fault}"))).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_faults_are_told_with_the_others() {
        let mut env = Env::new([("INSTANCE_ADMIN_URL".into(), "mysql://h/d".into()), ("SECRET_ENCRYPTION_KEY".into(), "short".into())]);
        let config = Config::read(&mut env);
        let message = env.finish(config).err().map(|faults| faults.to_string()).unwrap_or_default();
        for fault in ["INSTANCE_ADMIN_URL must look like", "SECRET_ENCRYPTION_KEY must be 32 bytes", "DATABASE_URL is missing"] {
            assert!(message.contains(fault), "{fault} not in {message}");
        }
    }
}
