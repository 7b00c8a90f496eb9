//! What a service's process is made of, above `common` and `access`.
//!
//! | module | answers |
//! | --- | --- |
//! | [`cli`] | what can a service's binary be told to do? |
//! | [`registration`] | how does the permission service learn which permissions exist? |

pub mod cli;
pub mod registration;
