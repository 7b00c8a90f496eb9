//! The table of lines. Its head is repeated on each page; a row that is higher than a page is parted.

use super::{
    format,
    sheet::{LEFT, LINE, RIGHT, SHADE, Sheet, Style, WIDTH},
    tree::{Part, Role},
};
use crate::model::{Currency, Invoice, Line, Price};

const DESCRIPTION: f32 = LEFT + 26.0;
const DESCRIPTION_WIDTH: f32 = 196.0;
/// Right ends of columns of numbers, and how wide these may be.
const QUANTITY: (f32, f32) = (LEFT + 280.0, 54.0);
const UNIT: (f32, f32) = (LEFT + 286.0, 46.0);
const PRICE: (f32, f32) = (LEFT + 386.0, 54.0);
const TAX: (f32, f32) = (LEFT + 418.0, 30.0);
const AMOUNT: (f32, f32) = (RIGHT - 6.0, 72.0);

const CELL: Style = Style::plain(9.0);
const DETAIL: Style = Style::grey(8.0);
const HEAD: Style = Style::bold(8.0);
const PADDING: f32 = 5.0;
const HEAD_HEIGHT: f32 = 20.0;
/// A row that is higher may be parted between pages.
const WHOLE: f32 = 170.0;

pub(super) fn write(sheet: &mut Sheet, invoice: &Invoice) {
    sheet.need(HEAD_HEIGHT + 40.0);
    let table = sheet.add(None, Role::Table);
    let head = sheet.add(Some(table), Role::TableHead);
    let row = sheet.add(Some(head), Role::Row);
    write_head(sheet, Some(row), &invoice.currency);
    let body = sheet.add(Some(table), Role::TableBody);
    for (number, line) in (1..).zip(&invoice.lines) {
        let row = sheet.add(Some(body), Role::Row);
        Row::new(sheet, row, number, line).write(sheet, invoice);
    }
    sheet.y += 12.0;
}

/// Without a row it is a repetition, which is not read aloud again.
fn write_head(sheet: &mut Sheet, row: Option<Part>, currency: &Currency) {
    sheet.area(LEFT, sheet.y, WIDTH, HEAD_HEIGHT, SHADE);
    let y = sheet.y + 4.5;
    let cell = |sheet: &mut Sheet| row.map(|row| sheet.add(Some(row), Role::ColumnHeader));
    for (x, name) in [(LEFT + 6.0, "#"), (DESCRIPTION, "Description")] {
        let part = cell(sheet);
        sheet.text(part, x, y, name, HEAD);
    }
    let part = cell(sheet);
    sheet.text_right(part, QUANTITY.0, y, "Quantity", HEAD);
    let part = cell(sheet);
    sheet.text(part, UNIT.0, y, "Unit", HEAD);
    let amount = format!("Amount ({})", currency.code);
    for (right, name) in [(PRICE.0, "Unit price"), (TAX.0, "VAT"), (AMOUNT.0, &amount)] {
        let part = cell(sheet);
        sheet.text_right(part, right, y, name, HEAD);
    }
    sheet.y += HEAD_HEIGHT;
}

/// A line of the invoice with its texts broken into lines, and the parts of its cells.
struct Row<'a> {
    line: &'a Line,
    number: String,
    texts: Vec<(String, Style)>,
    unit: Vec<String>,
    cells: [Part; 7],
}

impl<'a> Row<'a> {
    fn new(sheet: &mut Sheet, row: Part, number: usize, line: &'a Line) -> Self {
        let mut texts = lines(&line.description, CELL);
        if let Some(period) = line.period {
            texts.extend(lines(&format::period(period), DETAIL));
        }
        texts.extend(line.details.iter().flat_map(|detail| lines(detail, DETAIL)));
        let unit = CELL.wrap(&line.unit.name, UNIT.1);
        let mut cell = |role| sheet.add(Some(row), role);
        let number_cell = cell(Role::RowHeader);
        let cells = [
            number_cell,
            cell(Role::Cell),
            cell(Role::Cell),
            cell(Role::Cell),
            cell(Role::Cell),
            cell(Role::Cell),
            cell(Role::Cell),
        ];
        Self { line, number: number.to_string(), texts, unit, cells }
    }

    fn height(&self) -> f32 {
        let texts: f32 = self.texts.iter().map(|(_, style)| style.leading()).sum();
        texts.max(self.unit.len() as f32 * CELL.leading()) + 2.0 * PADDING
    }

    fn write(&self, sheet: &mut Sheet, invoice: &Invoice) {
        let height = self.height();
        let whole = height <= WHOLE;
        let least = (self.unit.len() as f32).max(4.0) * CELL.leading() + PADDING;
        if !sheet.fits(if whole { height } else { least }) {
            go_on(sheet, invoice);
        }
        sheet.y += PADDING;
        let top = sheet.y;
        self.write_numbers(sheet, &invoice.currency);
        for (text, style) in &self.texts {
            if !whole && !sheet.fits(style.leading() + PADDING) {
                go_on(sheet, invoice);
                sheet.y += PADDING;
            }
            sheet.text(Some(self.cells[1]), DESCRIPTION, sheet.y, text, *style);
            sheet.y += style.leading();
        }
        if whole {
            sheet.y = top + height - 2.0 * PADDING;
        }
        sheet.y += PADDING;
        sheet.rule(LEFT, RIGHT, sheet.y, LINE);
    }

    fn write_numbers(&self, sheet: &mut Sheet, currency: &Currency) {
        let [number, _, quantity, unit, price, tax, amount] = self.cells.map(Some);
        let style = Style::grey(8.0).fitting(&self.number, 20.0);
        sheet.text(number, LEFT + 6.0, sheet.y + 0.9, &self.number, style);
        right(sheet, quantity, QUANTITY, &format::quantity(self.line.quantity), CELL);
        for (index, text) in self.unit.iter().enumerate() {
            sheet.text(unit, UNIT.0, sheet.y + index as f32 * CELL.leading(), text, CELL);
        }
        match self.line.price {
            Price::Unit(unit_price) => right(sheet, price, PRICE, &format::price(unit_price, currency), CELL),
            Price::Components if self.line.details.is_empty() => right(sheet, price, PRICE, "–", CELL),
            Price::Components => right(sheet, price, PRICE, "see details", Style::grey(CELL.size)),
        }
        right(sheet, tax, TAX, &format::rate(self.line.tax), CELL);
        right(sheet, amount, AMOUNT, &format::amount(self.line.amount_minor, currency), CELL);
    }
}

fn lines(text: &str, style: Style) -> Vec<(String, Style)> {
    style.wrap(text, DESCRIPTION_WIDTH).into_iter().map(|line| (line, style)).collect()
}

fn right(sheet: &mut Sheet, part: Option<Part>, (right, width): (f32, f32), text: &str, style: Style) {
    let fitting = style.fitting(text, width);
    // Smaller figures stand on the line of the others.
    let drop = (style.size - fitting.size) * 1.04;
    sheet.text_right(part, right, sheet.y + drop, text, fitting);
}

fn go_on(sheet: &mut Sheet, invoice: &Invoice) {
    sheet.new_page();
    write_head(sheet, None, &invoice.currency);
}
