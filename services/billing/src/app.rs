//! What billing's handlers and consumers work with.

use crate::currency::Currency;
use service_kit::Kit;

#[derive(Clone)]
pub struct App {
    pub kit: Kit,
    /// What new accounts are billed in.
    pub account_currency: Currency,
}

service_kit::state!(App);
