//! The table of jobs: which work is there, and how far has it come?
//!
//! | module | answers |
//! | --- | --- |
//! | [`model`] | when is a job tried again, and when is it given up? |
//! | [`view`] | what do operators see of a job? |
//! | [`routes`], [`store`] | which jobs are there, and how do they come into the table? |
//! | [`control`] | how does an operator end a job, or run it again? |
//! | [`claim`], [`lane_store`] | which job is begun next? |
//! | [`limits`] | how many jobs of a tenant may be begun now? |
//! | [`end`], [`end_store`] | how did it end, and who is told? |
//! | [`lease_store`] | whose is a job, and for how long? |
//! | [`upkeep`], [`upkeep_store`] | when does a snoozed job wait again, and when is a finished one forgotten? |

pub mod claim;
pub mod control;
mod control_store;
pub(crate) mod end;
pub(crate) mod end_store;
mod lane_store;
pub(crate) mod lease_store;
mod limits;
pub mod model;
pub mod routes;
pub mod store;
pub(crate) mod upkeep;
mod upkeep_store;
pub mod view;
