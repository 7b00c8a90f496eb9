//! The PDF: laid out by [`sheet`] and the parts of an invoice, drawn by [`draw`], completed by [`xmp`].

mod draw;
mod font;
mod foot;
pub(crate) mod format;
mod head;
mod notes;
mod pay;
mod sheet;
mod sums;
mod table;
mod tree;
mod xmp;

use crate::{
    NotRendered,
    model::{Invoice, Kind},
};
use sheet::Sheet;
use std::collections::BTreeSet;

pub use xmp::UnknownLayout;

/// The file, and the characters that its font lacks.
pub(crate) fn write(invoice: &Invoice, xml: Option<&str>) -> Result<(Vec<u8>, BTreeSet<char>), NotRendered> {
    let mut sheet = Sheet::new(format!("{} {}", kind(invoice), invoice.number), invoice.seller.name.clone());
    head::write(&mut sheet, invoice);
    table::write(&mut sheet, invoice);
    sums::write(&mut sheet, invoice);
    pay::write(&mut sheet, invoice);
    notes::write(&mut sheet, invoice);
    foot::write(&mut sheet, invoice);
    let unprintable = sheet.unprintable();
    let drawn = draw::draw(sheet, invoice, xml).map_err(|error| NotRendered::Pdf(Box::new(error)))?;
    let complete = if xml.is_some() { xmp::declare_factur_x(&drawn)? } else { drawn };
    Ok((complete, unprintable))
}

fn kind(invoice: &Invoice) -> &'static str {
    match invoice.kind {
        Kind::Invoice => "Invoice",
        Kind::CreditNote { .. } => "Credit note",
    }
}
