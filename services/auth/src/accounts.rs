//! Who exists, and who belongs to which tenant?
//!
//! | module | answers |
//! | --- | --- |
//! | [`me`] | who am I? |
//! | [`routes`] | who is with me? |
//! | [`store`] | where do users, tenants and memberships lie? |

pub mod me;
pub mod routes;
pub mod store;
