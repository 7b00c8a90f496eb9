//! What was this process told by its environment? The common settings and a database; nothing of its own.

use common::config::{Base, Database, Env};

#[derive(Clone, Debug)]
pub struct Config {
    pub base: Base,
    pub database: Database,
}

impl Config {
    pub fn read(env: &mut Env) -> Option<Self> {
        let base = Base::read(env, "permission", 8002);
        let database = Database::read(env);
        Some(Self { base: base?, database: database? })
    }
}
