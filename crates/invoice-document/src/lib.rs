//! Documents of invoices and credit notes: the XML of EN 16931 in the syntax CII, and a PDF/A-3 with this XML inside
//! (Factur-X 1.0 = ZUGFeRD 2, profile EN 16931).
//!
//! Pure: no clock, no files, no network. The same input gives the same bytes, so that their hash may name them.

mod check;
mod cii;
mod model;
mod pdf;
mod text;
mod xml;

pub use check::Refused;
pub use model::{
    Address, Adjustment, AdjustmentKind, Country, Currency, Invoice, Kind, Line, Party, Payment, Period, Price,
    Reference, Tax, TaxCategory, TaxGroup, Totals, Transfer, Unit,
};
pub use pdf::UnknownLayout;

use std::collections::BTreeSet;

/// Numbers in the texts of a document, written as the document writes its own.
pub mod shown {
    pub use crate::pdf::format::{price, quantity};
}

/// An invoice as files.
#[derive(Clone, Debug)]
pub struct Document {
    /// PDF/A-3a and PDF/UA-1, A4, with `xml` attached as `factur-x.xml`.
    pub pdf: Vec<u8>,
    /// UN/CEFACT Cross Industry Invoice, D16B. None for currencies of more than two decimal places (KWD): EN 16931 has no
    /// such amounts. The PDF is not Factur-X then.
    pub xml: Option<String>,
    /// Characters that the PDF shows as � because its font has no picture of them, such as Chinese. Text that is copied
    /// out of the PDF has them, and so has the XML.
    pub unprintable: BTreeSet<char>,
}

/// No document was made.
#[derive(Debug, thiserror::Error)]
pub enum NotRendered {
    #[error("the invoice is refused")]
    Refused(#[from] Refused),
    /// Its cause has no text for people.
    #[error("the PDF cannot be written: {0:?}")]
    Pdf(Box<krilla::error::KrillaError>),
    #[error("the PDF cannot say that it is Factur-X")]
    Metadata(#[from] UnknownLayout),
}

/// Checks an invoice and makes its documents. Texts are brought to Unicode's form NFC; characters that control devices
/// or the direction of writing are left out.
pub fn render(invoice: &Invoice) -> Result<Document, NotRendered> {
    let mut invoice = invoice.clone();
    text::clean(&mut invoice)?;
    check::check(&invoice)?;
    let xml = (invoice.currency.exponent <= cii::MAX_PLACES).then(|| cii::write(&invoice));
    let (pdf, unprintable) = pdf::write(&invoice, xml.as_deref())?;
    Ok(Document { pdf, xml, unprintable })
}
