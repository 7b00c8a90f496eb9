//! What does the forum need to be told?

use common::config::{Base, Env};
use product_kit::tenancy;

pub struct Config {
    pub base: Base,
    pub tenancy: tenancy::Config,
}

pub fn read(env: &mut Env) -> Option<Config> {
    let base = Base::read(env, "forum", 8010);
    let tenancy = tenancy::Config::read(env);
    Some(Config { base: base?, tenancy: tenancy? })
}
