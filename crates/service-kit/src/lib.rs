//! What a process of the platform is made of: from a description of a service to listeners, consumers and tasks that
//! run.
//!
//! A service describes itself by [`Service`]; its binary is [`binary!`]. A product, which has no database and no tables
//! of its own on the platform, describes itself by [`Program`] and shares the command line.
//!
//! | module | answers |
//! | --- | --- |
//! | [`service`] | what does a service say of itself? |
//! | [`kit`] | what has every service at hand? |
//! | [`run`] | how does a service start, and what runs beside its listeners? |
//! | [`handlers`] | which messages does it take? |
//! | [`consumers`] | what do the consumers of all processes do? |
//! | [`outbox`] | what does the console see of its outbox? |
//! | [`tables`] | what does its database have? |
//! | [`audit`] | is the audit of a service whole? |
//! | [`cli`] | what can a binary be told to do? |

pub mod audit;
pub mod cli;
pub mod consumers;
pub mod handlers;
pub mod kit;
pub mod outbox;
pub mod run;
pub mod service;
pub mod tables;

pub use cli::{Command, Program};
pub use handlers::Handlers;
pub use kit::Kit;
pub use run::{Tasks, app, openapi, router, start};
pub use service::{Config, Service};
