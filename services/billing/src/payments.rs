//! Payments: what becomes of a numbered invoice. It is charged to the tenant's payment method, or paid by bank transfer;
//! who does not pay is reminded, then suspended, and resumed when it is paid.

mod account;
mod attempt_store;
pub mod canceling;
pub mod charging;
pub mod collecting;
mod customers;
mod detaching;
mod detachment_store;
mod dunning;
mod event_store;
mod events;
pub mod method;
pub mod method_setup;
mod method_store;
mod model;
mod payment_store;
mod problems;
mod provider;
pub mod recording;
pub mod routes;
pub mod settings;
mod settling;
mod standing_store;
pub mod store;
pub mod stripe;
pub mod webhook;

pub use model::PaymentState;
pub use settings::Payments;
