//! The foot of each page: whose page it is, and which of how many.

use super::sheet::{LEFT, LINE, PAGE_HEIGHT, RIGHT, Sheet, Style, WIDTH};
use crate::model::Invoice;

const TEXT: Style = Style::grey(8.0);

/// Comes last, when the pages can be counted.
pub(super) fn write(sheet: &mut Sheet, invoice: &Invoice) {
    let seller = &invoice.seller;
    let vat_id = seller.vat_id.as_ref().map(|id| format!("VAT ID {id}"));
    let about = [Some(seller.name.clone()), seller.registration.clone(), vat_id, seller.email.clone()];
    let about = about.into_iter().flatten().collect::<Vec<_>>().join(" · ");
    let about = TEXT.weight.face().shorten(&about, TEXT.size, WIDTH - 90.0);
    let pages = sheet.pages.len();
    let y = PAGE_HEIGHT - 44.0;
    for page in 0..pages {
        let number = format!("Page {} of {pages}", page + 1);
        sheet.rule_on(page, LEFT, RIGHT, y - 8.0, LINE);
        sheet.text_on(page, None, LEFT, y, &about, TEXT, None);
        sheet.text_on(page, None, RIGHT - TEXT.width(&number), y, &number, TEXT, None);
    }
}
