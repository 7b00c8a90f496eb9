//! The settings of a process, read once from its environment; secrets are never printed.

mod env;
mod origins;

pub use env::{Env, Faults, Setting};
pub(crate) use origins::is_origin;
pub use origins::{NotAnOrigin, Origins};

use crate::{openapi::Documents, source::TrustedProxies, telemetry::LogFormat};
use secrecy::SecretString;
use std::net::SocketAddr;

/// How much higher than the port of a service that of its operations is.
pub const OPS_OFFSET: u16 = 1000;

/// Settings that an environment gives; see [`crate::settings!`].
pub trait Settings: Sized {
    /// `None` if something is wrong, which `env` then knows.
    fn read(env: &mut Env) -> Option<Self>;
}

impl Settings for () {
    fn read(_: &mut Env) -> Option<Self> {
        Some(())
    }
}

/// Declares settings: a field, what it means, and by which method of [`Env`] it is read.
///
/// ```
/// common::settings! {
///     pub struct Settings {
///         /// Jobs begun a second by this process, at most.
///         pub jobs_per_second: u32 = between("JOBS_PER_SECOND", 50, 1..=10_000),
///     }
/// }
/// ```
#[macro_export]
macro_rules! settings {
    ($(#[$meta:meta])* $vis:vis struct $name:ident { $($fields:tt)* }) => {
        $crate::settings! { $(#[$meta])* $vis struct $name() { $($fields)* } }

        impl $crate::config::Settings for $name {
            fn read(env: &mut $crate::config::Env) -> Option<Self> {
                Self::read(env)
            }
        }
    };
    ($(#[$meta:meta])* $vis:vis struct $name:ident($($given:ident: $given_type:ty),*) {
        $($(#[doc = $doc:literal])+ $field_vis:vis $field:ident: $type:ty
            = $method:ident($($argument:expr),*) $(=> $into:expr)?),* $(,)?
    }) => {
        $(#[$meta])*
        $vis struct $name { $($(#[doc = $doc])+ $field_vis $field: $type),* }

        impl $name {
            /// Reads them; `None` if something is wrong, which `env` then knows.
            $vis fn read(env: &mut $crate::config::Env $(, $given: $given_type)*) -> Option<Self> {
                $(let $field = env.explain(concat!($($doc),+)).$method($($argument),*)$(.map($into))?;)*
                Some(Self { $($field: $field?),* })
            }
        }
    };
}

settings! {
    /// The settings that every service has.
    #[derive(Clone, Debug)]
    pub struct Base(name: &'static str, port: u16) {
        /// The service's own name.
        pub service: &'static str = with(|_| Some(name)),
        /// Where the service listens.
        pub listen_addr: SocketAddr = or("LISTEN_ADDR", SocketAddr::from(([0, 0, 0, 0], port))),
        /// Where the service answers health checks and says what it counts.
        pub ops_addr: SocketAddr = or("OPS_ADDR", SocketAddr::from(([0, 0, 0, 0], port + OPS_OFFSET))),
        /// Redis, with the service's own user.
        pub redis_url: SecretString = secret("REDIS_URL"),
        /// Begins every key in Redis.
        pub redis_prefix: String = or("REDIS_PREFIX", ""),
        /// Replicas that must confirm a revocation before it is answered.
        pub redis_replicas: u32 = or("REDIS_REPLICAS", 0),
        /// Base URL of auth.
        pub auth_url: String = url("AUTH_URL"),
        /// Base URL of permission.
        pub permission_url: String = url("PERMISSION_URL"),
        /// Who issues the tokens that are taken (`iss`).
        pub token_issuer: String = required("TOKEN_ISSUER"),
        /// For whom the tokens that are taken are issued (`aud`).
        pub token_audience: String = or("TOKEN_AUDIENCE", "sevenleague"),
        /// The service's client, with which it calls the other services.
        pub client_id: String = or("CLIENT_ID", name),
        /// The secret of `CLIENT_ID`.
        pub client_secret: SecretString = secret("CLIENT_SECRET"),
        /// Other services whose documents Swagger UI shows beside its own, with the origins where a browser finds them:
        /// `billing=https://billing.example.com`, comma-separated. They must have this one among their `CORS_ORIGINS`.
        pub documents: Documents = or("SERVICE_DOCUMENTS", ""),
        /// Origins of web pages that may call the service, comma-separated.
        pub cors_origins: Origins = or("CORS_ORIGINS", ""),
        /// Proxies of ours that a request passes on its way; a load balancer is one.
        pub trusted_proxies: TrustedProxies = or("TRUSTED_PROXIES", 0),
        /// Limits for each source are this many times as high: for a place where many people share one address, such as
        /// a developer's machine.
        pub source_limit_factor: u32 = between("SOURCE_LIMIT_FACTOR", 1, 1..),
        /// Begins the names of topics and queues.
        pub resource_prefix: String = or("RESOURCE_PREFIX", "sevenleague"),
        /// The account of AWS that the topics and queues are in.
        pub aws_account_id: String = required("AWS_ACCOUNT_ID"),
        /// The region of AWS that the topics and queues are in; the SDK reads it too.
        pub aws_region: String = required("AWS_REGION"),
        /// How log lines look: `json` or `text`.
        pub log_format: LogFormat = or("LOG_FORMAT", "json"),
        /// What is logged, in the directives of `tracing_subscriber::EnvFilter`: `info,sqlx=warn`.
        pub log_filter: String = or("RUST_LOG", "info"),
    }
}

settings! {
    /// The settings of a service's own database.
    #[derive(Clone, Debug)]
    pub struct Database {
        /// The service's own database.
        pub url: SecretString = secret("DATABASE_URL"),
        /// Connections to the service's own database, at most.
        pub max_connections: u32 = or("DATABASE_MAX_CONNECTIONS", 10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_faults_are_told_at_once() {
        let mut env = Env::new([("OPS_ADDR".into(), "nowhere".into()), ("AUTH_URL".into(), "ftp://x".into())]);
        let base = Base::read(&mut env, "billing", 8003);
        let message = env.finish(base).unwrap_err().to_string();
        for name in [
            "OPS_ADDR: ",
            "AUTH_URL must be",
            "REDIS_URL is missing",
            "CLIENT_SECRET is missing",
            "AWS_REGION is missing",
        ] {
            assert!(message.contains(name), "{name} not in {message}");
        }
    }

    #[test]
    fn every_question_is_noted_with_what_it_means() {
        let asked = Env::questions(|env| Base::read(env, "billing", 8003));
        let find = |name: &str| asked.iter().find(|setting| setting.name == name).unwrap();
        assert_eq!(find("LISTEN_ADDR").default.as_deref(), Some("0.0.0.0:8003"));
        assert!(find("REDIS_URL").secret && find("REDIS_URL").required);
        assert_eq!(find("SOURCE_LIMIT_FACTOR").kind, "u32, at least 1");
        assert!(asked.iter().all(|setting| !setting.meaning.is_empty()), "{asked:?}");
    }
}
