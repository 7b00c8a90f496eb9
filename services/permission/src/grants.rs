//! Grants: who was granted or denied what. A revoked one stays as history; its revocation is answered only when no
//! cache believes in it.

pub mod changes;
pub mod grantee;
pub mod model;
pub mod routes;
pub mod store;
pub mod transfer;

access::permissions! { pub ReadGrants = "permission.readGrants", pub WriteGrants = "permission.writeGrants" }
