//! What every service does the same way. The list of modules is closed: code enters with its second user.
//!
//! | module | answers |
//! | --- | --- |
//! | [`ambient`] | what time is it, and what is random? |
//! | [`backoff`] | how long until the next try? |
//! | [`config`] | what was this process told by its environment? |
//! | [`crypto`] | which cryptography is used? |
//! | [`db`] | how does a service reach its stores? |
//! | [`http`] | how is a request read? |
//! | [`instant`] | at which instant, as callers write it? |
//! | [`limit`] | how often may one source do something? |
//! | [`openapi`] | what does the service's documentation say? |
//! | [`origin`] | who asks for what is done, and from where? |
//! | [`page`] | how is a long list read? |
//! | [`poller`] | when does a background loop look again? |
//! | [`problem`] | what does a caller learn when a request is refused? |
//! | [`sealing`] | how does a secret lie in a database? |
//! | [`server`] | how does a service listen, and how does it stop? |
//! | [`source`] | from which network does a request come? |
//! | [`telemetry`] | what can be seen of a running service? |
//! | [`trace`] | of which whole is this request, message or job a part? |

pub mod ambient;
pub mod backoff;
pub mod config;
pub mod crypto;
pub mod db;
pub mod http;
pub mod instant;
pub mod limit;
pub mod openapi;
pub mod origin;
pub mod page;
pub mod poller;
pub mod problem;
pub mod sealing;
pub mod server;
pub mod source;
pub mod telemetry;
pub mod trace;
