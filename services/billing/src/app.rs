//! What billing's handlers and consumers work with.

use crate::{
    config::Settings, currency::Currency, documents::Documents, payments::Payments, taxes::rules::Seller,
    usage::places::Places,
};
use common::limit::Limiter;
use service_kit::Kit;
use std::sync::Arc;

#[derive(Clone)]
pub struct App {
    pub kit: Kit,
    /// What new accounts are billed in.
    pub account_currency: Currency,
    /// Base URL of the configurator, without a slash at its end.
    pub configurator_url: Arc<str>,
    /// How invoices are paid.
    pub payments: Payments,
    /// Who makes the documents of invoices; absent where nobody does.
    pub documents: Option<Arc<Documents>>,
    /// Who charges VAT; absent where nobody does.
    pub seller: Option<Seller>,
    pub limiter: Limiter,
    /// For reads that take the database long.
    pub places: Places,
}

impl App {
    pub async fn new(kit: Kit, settings: Settings) -> anyhow::Result<Self> {
        let limiter = Limiter::new(&kit.base, kit.redis.clone(), kit.ambient.clone());
        let payments = Payments::new(settings.payments)?;
        let seller = settings.documents.as_ref().and_then(|issuing| issuing.issuer.charges());
        let documents = match settings.documents {
            Some(issuing) => Some(Arc::new(Documents::open(issuing, kit.ambient.clone()).await?)),
            None => None,
        };
        Ok(Self {
            kit,
            account_currency: settings.account_currency,
            configurator_url: settings.configurator_url.into(),
            payments,
            documents,
            seller,
            limiter,
            places: Places::default(),
        })
    }
}

service_kit::state!(App);
