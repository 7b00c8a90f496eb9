//! Billing's own settings.

use crate::{
    currency::Currency,
    documents::settings::{DocumentSettings, Issuing},
    payments::settings::PaymentSettings,
};

common::settings! {
    #[derive(Clone, Debug)]
    pub struct Settings {
        /// What new accounts are billed in, an ISO 4217 code.
        pub account_currency: Currency = or("ACCOUNT_CURRENCY", Currency::euro()),
        /// Base URL of the configurator, which says what is in use.
        pub configurator_url: String = url("CONFIGURATOR_URL"),
        /// How invoices are paid.
        pub payments: PaymentSettings = with(PaymentSettings::checked),
        /// Who makes the documents of invoices.
        pub documents: Option<Issuing> = with(DocumentSettings::checked),
    }
}
