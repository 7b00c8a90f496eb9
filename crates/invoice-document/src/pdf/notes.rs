//! What else is to be said.

use super::{
    sheet::{LEFT, Sheet, Style, WIDTH},
    tree::Role,
};
use crate::model::Invoice;

const TEXT: Style = Style::plain(9.0);

pub(super) fn write(sheet: &mut Sheet, invoice: &Invoice) {
    if invoice.notes.is_empty() {
        return;
    }
    sheet.heading("Notes", 2.0 * TEXT.leading());
    for paragraph in invoice.notes.iter().flat_map(|note| note.lines()) {
        let part = sheet.add(None, Role::Paragraph);
        sheet.paragraph(part, LEFT, WIDTH, paragraph, TEXT);
        sheet.y += 4.0;
    }
}
