//! Bodies of the platform's internal endpoints, which both sides use.
//!
//! | module | asked | by |
//! | --- | --- | --- |
//! | [`authority`] | auth and permission | each other |
//! | [`instances`] | configurator | products, worker, billing |
//! | [`jobs`] | worker | configurator |
//! | [`usage`] | billing | products |
//! | [`outbox`] | each service that publishes | worker |

pub mod authority;
pub mod instances;
pub mod jobs;
pub mod outbox;
pub mod usage;
