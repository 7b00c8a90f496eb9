//! Layers by which a product becomes a service of the platform; the product itself stays as it is.
//!
//! ```text
//! request ─ Host ─ Tenancy ─┬─ unknown: 404
//!                           ├─ being made: 503, Retry-After
//!                           ├─ of a tenant that is suspended: 403
//!                           ├─ awaiting setup: the form of its manifest
//!                           └─ active: the product's handlers, with Instance and Db
//!                                        ├─ a row in platform.outbox ─ relay ─ topic `usage`
//!                                        └─ a row in platform.orders ─ relay ─ topic `worker-commands`
//! ```
//!
//! | module | answers |
//! | --- | --- |
//! | [`product`] | what is a product, and which process is made of it? |
//! | `tenancy` | whose instance is this request for, and may it pass? |
//! | `instance` | what does a handler know of the instance it serves? |
//! | [`host`] | which host is asked for? |
//! | `forgery` | may the page that caused a request have it change anything? |
//! | [`publish`] | how does the platform learn of a version of the product? |
//! | `directory` | which instance lives on a host? |
//! | `hosts` | what is remembered of a host, and for how long? |
//! | `invalidation` | when is what we know of a host out of date? |
//! | `database` | how is an instance's own database reached? |
//! | `databases` | which instances' databases does this process know? |
//! | `connections` | how do thousands of instances share a few connections? |
//! | `metering` | how does what was used reach billing? |
//! | `orders` | how does a job become ordered with the business fact, or not at all? |
//! | `relay` | how do rows of an instance reach the platform's topics? |
//! | `setup` | what is filled in before an instance begins? |
//! | `pages` | what does a browser see while there is no product to show? |
//! | [`html`] | how does a product show pages to people? |

mod connections;
mod database;
mod databases;
mod directory;
mod forgery;
pub mod host;
mod hosts;
pub mod html;
mod instance;
mod invalidation;
mod metering;
mod orders;
mod pages;
pub mod product;
pub mod publish;
mod relay;
mod setup;
mod tenancy;

pub use connections::{Connection, Transaction};
pub use database::Database;
pub use instance::{Db, Instance, InstanceAllowed, Module, Objects, require_module};
pub use orders::{MOST_ORDERS, Order, OrderError};
pub use product::{Product, Run};
