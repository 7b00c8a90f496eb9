//! What billing's handlers and consumers work with.

use crate::currency::Currency;
use service_kit::Kit;
use std::sync::Arc;

#[derive(Clone)]
pub struct App {
    pub kit: Kit,
    /// What new accounts are billed in.
    pub account_currency: Currency,
    /// Base URL of the configurator, without a slash at its end.
    pub configurator_url: Arc<str>,
}

service_kit::state!(App);
