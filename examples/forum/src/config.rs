//! What the forum needs to be told.

use common::config::Base;
use product_kit::tenancy;

common::settings! {
    pub struct Config {
        /// What every service is told.
        pub base: Base = with(|env| Base::read(env, crate::NAME, crate::PORT)),
        /// What finding instances needs to know.
        pub tenancy: tenancy::Config = with(tenancy::Config::read),
    }
}
