//! How does an instance's database get its tables and first rows? From the bundle of its service, each file once.
//!
//! | module | answers |
//! | --- | --- |
//! | [`order`] | is what was ordered sound? |
//! | [`bundle`] | which files does a bundle on disk have for these modules, and in which order? |
//! | [`access`] | how is an instance's database reached? |
//! | [`store`] | how is a file run once, whoever dies in between? |
//! | [`migrate`], [`seed`] | what do the jobs do? |

mod access;
mod bundle;
mod migrate;
mod order;
mod seed;
mod store;
