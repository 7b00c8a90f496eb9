//! How does somebody leave a tenant, and how are a member's sessions ended by others?
//!
//! | module | answers |
//! | --- | --- |
//! | [`routes`] | what can be asked? |
//! | [`removal`] | in which order does everything of a member end, whatever interrupts it? |
//! | [`store`] | where do removals lie, and what do they end? |

pub mod removal;
pub mod routes;
pub mod store;
