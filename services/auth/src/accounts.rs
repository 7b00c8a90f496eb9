//! Who exists, and who belongs to which tenant?
//!
//! | module | answers |
//! | --- | --- |
//! | [`routes`] | who am I, and who is with me? |
//! | [`store`] | where do users, tenants and memberships lie? |

pub mod routes;
pub mod store;
