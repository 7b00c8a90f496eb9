//! Documents of invoices: of each numbered invoice a PDF/A-3 with the XML of EN 16931 in it, made once, in the
//! background, and kept in S3 by its hash.
//!
//! | module | answers |
//! | --- | --- |
//! | [`settings`], `issuer` | who sells, and where do the documents lie? |
//! | [`rendering`] | who makes them, and what if that fails? |
//! | `facts` | what is one made of? |
//! | [`mapping`], `line`, `totals`, `country` | what does a document say of an invoice? |
//! | `taxation` | what does it say of VAT? |
//! | [`store`], `operator_store` | what becomes of the document of an invoice? |
//! | [`routes`], [`operator_routes`] | what do a tenant and an operator see of it? |

mod country;
mod facts;
mod issuer;
mod line;
mod mapping;
pub mod operator_routes;
mod operator_store;
pub mod rendering;
pub mod routes;
pub mod settings;
pub mod store;
mod taxation;
mod totals;

pub use settings::Documents;
