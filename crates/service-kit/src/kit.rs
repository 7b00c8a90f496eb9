//! What every service has at hand: its database, Redis, the permission check, the other services, the clock.

use access::{Access, Fill, client::PlatformClient};
use axum::extract::FromRef;
use common::{
    ambient::Ambient,
    config::{Base, Database},
    db::{self, Db},
    server::Health,
};
use redis::aio::ConnectionManager;
use std::sync::Arc;

/// Held once by each service's `App`, which [`crate::state!`] makes stand for it; cheap to clone.
#[derive(Clone)]
pub struct Kit {
    pub db: Db,
    pub redis: ConnectionManager,
    pub access: Access,
    /// The service's client, for calls to other services.
    pub client: PlatformClient,
    pub ambient: Ambient,
    pub base: Arc<Base>,
}

impl Kit {
    /// Connects lazily: what is away is away for the requests that need it. Call it inside the runtime.
    pub fn open(name: &'static str, base: &Base, database: &Database, ambient: Ambient) -> anyhow::Result<Self> {
        let redis = db::connect_redis(base)?;
        let client = PlatformClient::new(base);
        let db = Db::connect(database, name, ambient.clone())?;
        Ok(Self {
            db,
            access: Access::remote(base, redis.clone(), client.clone()),
            redis,
            client,
            ambient,
            base: Arc::new(base.clone()),
        })
    }

    /// The same with a permission check that asks `filler` for what the cache does not know, and not the permission
    /// service.
    pub fn filled_by(self, filler: Box<dyn Fill>) -> Self {
        let access = Access::new(&self.base, self.redis.clone(), self.client.clone(), filler);
        Self { access, ..self }
    }

    /// What the service stands on.
    pub fn health(&self) -> Health {
        self.access.with_keys(Health::default().with_database(self.db.pool()).with_redis(&self.redis))
    }
}

impl FromRef<Kit> for Access {
    fn from_ref(kit: &Kit) -> Self {
        kit.access.clone()
    }
}

/// Makes a service's `App` stand for the [`Kit`] in its field `kit`: `app.db`, and the extractors of handlers.
#[macro_export]
macro_rules! state {
    ($app:ident) => {
        impl std::ops::Deref for $app {
            type Target = $crate::Kit;
            fn deref(&self) -> &$crate::Kit {
                &self.kit
            }
        }

        impl axum::extract::FromRef<$app> for access::Access {
            fn from_ref(app: &$app) -> Self {
                app.kit.access.clone()
            }
        }

        impl axum::extract::FromRef<$app> for common::source::TrustedProxies {
            fn from_ref(app: &$app) -> Self {
                app.kit.base.trusted_proxies
            }
        }
    };
}
