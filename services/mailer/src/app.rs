//! What the mailer's handlers, consumers and sender work with.

use crate::{config::Settings, ses::Ses, templates::Templates};
use common::sealing::Sealer;
use service_kit::Kit;
use std::{sync::Arc, time::Duration};

#[derive(Clone)]
pub struct App {
    pub kit: Kit,
    pub templates: Arc<Templates>,
    pub sealer: Sealer,
    pub(crate) ses: Ses,
    /// Between two rounds of housekeeping.
    pub housekeeping: Duration,
}

service_kit::state!(App);

impl App {
    pub async fn new(kit: Kit, settings: Settings) -> anyhow::Result<Self> {
        let configuration_set = settings.configuration_set.clone().unwrap_or_else(|| kit.base.resource_prefix.clone());
        Ok(Self {
            kit,
            templates: Arc::new(Templates::load()?),
            ses: Ses::from_env(&settings, configuration_set).await,
            sealer: settings.sealer,
            housekeeping: settings.housekeeping,
        })
    }
}
