//! Objects in S3: an instance has those whose keys begin with its product, its tenant and itself; what the platform makes of a
//! tenant's data is named by its content.
//!
//! | module | answers |
//! | --- | --- |
//! | [`bucket`] | where do the objects lie, and who may reach them? |
//! | [`instance`] | what can be done with the objects of one instance? |
//! | [`content`] | what can be done with objects that never change? |
//! | `signing` | how does S3 know who asks? |
//! | `error` | what do answers of S3 mean? |
//! | `provision` | how does a bucket come to be, where no CloudFormation makes it? |

pub mod bucket;
pub mod content;
mod error;
pub mod instance;
mod provision;
mod signing;

pub use bucket::Bucket;
pub use content::Contents;
pub use error::ObjectError;
pub use instance::Objects;

/// Largest object, in bytes.
pub const LARGEST: u64 = 64 * 1024 * 1024;
