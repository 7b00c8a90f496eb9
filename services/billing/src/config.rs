//! What was this process told by its environment?

use crate::currency::Currency;
use common::config::{Base, Database, Env};

/// Documented local port; the ops listener's is 1000 higher.
pub const PORT: u16 = 8003;

#[derive(Clone, Debug)]
pub struct Config {
    pub base: Base,
    pub database: Database,
    /// What new accounts are billed in (`ACCOUNT_CURRENCY`, an ISO 4217 code).
    pub account_currency: Currency,
}

impl Config {
    pub fn read(env: &mut Env) -> Option<Self> {
        let base = Base::read(env, crate::NAME, PORT);
        let database = Database::read(env);
        let account_currency = env.or("ACCOUNT_CURRENCY", Currency::euro());
        Some(Self { base: base?, database: database?, account_currency: account_currency? })
    }
}
