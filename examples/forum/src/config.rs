//! What does the forum need to be told?

use common::config::{self, Base, Env};

pub struct Config {
    pub base: Base,
    pub configurator_url: String,
}

pub fn read(env: &mut Env) -> Option<Config> {
    let base = Base::read(env, "forum", 8010);
    let configurator_url = config::url(env, "CONFIGURATOR_URL");
    Some(Config { base: base?, configurator_url: configurator_url? })
}
