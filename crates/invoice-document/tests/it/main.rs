//! Documents as their receivers see them: the XML against the schema of UN/CEFACT, the PDF by the eyes of poppler.

mod fixtures;
mod pdf;
mod refusals;
mod tools;
mod xml;
