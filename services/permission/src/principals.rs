//! Who exists in a tenant? Members and machines, as auth has said of them; whoever is not known here yet is asked about at auth.
//!
//! | module | answers |
//! | --- | --- |
//! | [`learning`] | is there such a principal, and who of the owners is real? |
//! | [`removal`] | what ends when somebody leaves? |
//! | [`store`] | where does it lie? |

pub mod learning;
pub mod removal;
pub mod store;
