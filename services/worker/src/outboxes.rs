//! The outboxes of the platform's services, for operators: what waits in each, and which messages SNS refuses.
//!
//! | module | answers |
//! | --- | --- |
//! | [`reach`] | how is each of them asked? |
//! | [`routes`] | what do operators ask? |

mod reach;
pub mod routes;
