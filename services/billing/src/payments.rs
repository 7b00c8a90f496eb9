//! Payments: what becomes of a numbered invoice. It is charged to the tenant's payment method, or paid by bank transfer;
//! who does not pay is reminded, then suspended, and resumed when it is paid.

mod attempt_store;
pub mod charging;
pub mod collecting;
mod dunning;
mod event_store;
mod events;
pub mod method;
mod method_store;
mod model;
mod payment_store;
mod provider;
pub mod recording;
pub mod routes;
pub mod settings;
mod settling;
mod standing_store;
pub mod store;
pub mod stripe;
pub mod webhook;

pub use settings::Payments;
