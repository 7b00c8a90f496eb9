//! Principals of a tenant: members and machines, as auth has said of them; whoever is not known here yet is asked about
//! at auth.

pub mod learning;
pub mod removal;
pub mod store;
