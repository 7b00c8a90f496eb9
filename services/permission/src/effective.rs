//! What a principal may do: the rule ([`entitlements`]), the rows it is applied to ([`store`]), and the questions about
//! it ([`routes`], [`holders`]).

pub mod coverage;
pub mod entitlements;
pub mod holders;
pub mod model;
pub mod pattern;
pub mod routes;
pub mod store;
