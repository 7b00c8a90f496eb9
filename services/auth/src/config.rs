//! What was auth told by its environment?

use crate::{clients::PlatformClients, passwords::Cost};
use common::{
    config::{Base, Database, Env},
    sealing::Sealer,
};
use contracts::public_url::PublicUrl;
use std::time::Duration;

const PORT: u16 = 8001;
const DEFAULT_ACCESS_TOKEN_SECONDS: u64 = 600;
/// Beyond a day a lost token is a lost account.
const MOST_ACCESS_TOKEN_SECONDS: u64 = 24 * 3600;

pub struct Config {
    pub base: Base,
    pub database: Database,
    /// Encrypts the private signing keys.
    pub key_sealer: Sealer,
    pub platform_clients: PlatformClients,
    /// Lifetime of a user's access token.
    pub access_token: Duration,
    /// Where people reach auth; links in mails begin with it.
    pub public_url: String,
    pub password_cost: Cost,
}

impl Config {
    pub const PORT: u16 = PORT;

    pub fn read(env: &mut Env) -> Option<Self> {
        let base = Base::read(env, "auth", PORT);
        let database = Database::read(env);
        let key = env.key("KEY_ENCRYPTION_KEY");
        let platform_clients = env.required("PLATFORM_CLIENTS");
        let seconds = env.or("ACCESS_TOKEN_SECONDS", DEFAULT_ACCESS_TOKEN_SECONDS);
        if seconds.is_some_and(|seconds| !(1..=MOST_ACCESS_TOKEN_SECONDS).contains(&seconds)) {
            env.fault(format!("ACCESS_TOKEN_SECONDS must be 1 to {MOST_ACCESS_TOKEN_SECONDS}"));
        }
        let public_url = env.required::<PublicUrl>("PUBLIC_URL");
        let password_cost = Cost::read(env);
        Some(Self {
            base: base?,
            database: database?,
            key_sealer: Sealer::new(&key?),
            platform_clients: platform_clients?,
            access_token: Duration::from_secs(seconds?),
            public_url: public_url?.as_str().trim_end_matches('/').to_owned(),
            password_cost: password_cost?,
        })
    }
}
