//! Who was granted or denied what? A revoked grant stays as history; its revocation is answered only when no cache believes in it any more.

pub mod changes;
pub mod grantee;
pub mod model;
pub mod routes;
pub mod store;
