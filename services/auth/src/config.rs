//! Auth's own settings.

use crate::{
    clients::PlatformClients,
    passwords::{Cost, LeakedSettings},
};
use common::{config::Env, sealing::Sealer};
use contracts::public_url::PublicUrl;
use std::time::Duration;

/// Beyond a day a lost token is a lost account.
pub const MOST_ACCESS_TOKEN_SECONDS: u64 = 24 * 3600;

common::settings! {
    pub struct Settings {
        /// Encrypts the private signing keys, and links to refuse invitations.
        pub key_sealer: Sealer = with(read_key_sealer),
        /// The platform's own clients: `id:<sha256 of the secret in hex>`, comma-separated.
        pub platform_clients: PlatformClients = required("PLATFORM_CLIENTS"),
        /// Lifetime of a user's access token, in seconds.
        pub access_token: Duration = between("ACCESS_TOKEN_SECONDS", 600,
            1..=MOST_ACCESS_TOKEN_SECONDS) => Duration::from_secs,
        /// Where people reach auth; links in mails begin with it.
        pub public_url: PublicUrl = required("PUBLIC_URL"),
        /// What one hash of a password costs.
        pub password_cost: Cost = with(Cost::read),
        /// Where leaked passwords are looked up.
        pub leaked_passwords: LeakedSettings = with(LeakedSettings::read),
    }
}

/// Also for commands, which need no more than that.
pub fn read_key_sealer(env: &mut Env) -> Option<Sealer> {
    Sealer::read(env, "KEY_ENCRYPTION_KEY", "KEY_ENCRYPTION_KEYS_PREVIOUS")
}
