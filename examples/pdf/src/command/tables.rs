//! Tables of a page, by the positions of its text: lines below each other whose pieces stand in common columns. Ruled
//! lines are not looked at; a cell that has nothing is empty.

use super::lines::{Line, Piece};

/// Characters of a cell on average: what has more is text in columns.
const LONGEST_CELLS: usize = 40;

/// Rows of cells; each row has as many.
pub(super) type Table = Vec<Vec<String>>;

pub(super) fn of(lines: &[Line]) -> Vec<Table> {
    let are_rows = |line: &Line, next: &Line| line.pieces.len() > 1 && next.pieces.len() > 1 && !line.is_left_by(next);
    lines.chunk_by(are_rows).filter(|rows| rows.len() > 1).filter_map(table).collect()
}

fn table(rows: &[Line]) -> Option<Table> {
    let columns = columns(rows);
    if columns.len() < 2 {
        return None;
    }
    let table: Table = rows.iter().map(|row| cells(row, &columns)).collect();
    let characters: usize = table.iter().flatten().map(|cell| cell.chars().count()).sum();
    (characters <= LONGEST_CELLS * rows.len() * columns.len()).then_some(table)
}

/// From left to right: where the pieces of all rows are, as far as they overlap.
fn columns(rows: &[Line]) -> Vec<(f64, f64)> {
    let mut pieces: Vec<_> = rows.iter().flat_map(|row| &row.pieces).map(|piece| (piece.left, piece.right)).collect();
    pieces.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut columns: Vec<(f64, f64)> = Vec::new();
    for (left, right) in pieces {
        match columns.last_mut() {
            Some(column) if left <= column.1 => column.1 = column.1.max(right),
            _ => columns.push((left, right)),
        }
    }
    columns
}

fn cells(row: &Line, columns: &[(f64, f64)]) -> Vec<String> {
    let within = |piece: &&Piece, (left, right): &(f64, f64)| piece.left >= *left && piece.left <= *right;
    let cell = |column| {
        let pieces = row.pieces.iter().filter(|piece| within(piece, column)).map(|piece| &*piece.text);
        pieces.collect::<Vec<_>>().join(" ")
    };
    columns.iter().map(cell).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(baseline: f64, pieces: &[(&str, f64, f64)]) -> Line {
        let piece = |&(text, left, right): &(&str, f64, f64)| Piece { text: text.into(), left, right };
        Line { baseline, size: 10.0, pieces: pieces.iter().map(piece).collect() }
    }

    #[test]
    fn lines_in_common_columns_are_a_table() {
        let page = [
            line(0.0, &[("A heading", 0.0, 60.0)]),
            line(12.0, &[("Item", 0.0, 25.0), ("Number", 100.0, 140.0), ("Price", 180.0, 200.0)]),
            line(24.0, &[("Kettle", 0.0, 35.0), ("1", 136.0, 140.0), ("9.50", 182.0, 200.0)]),
            line(36.0, &[("Cup", 0.0, 20.0), ("0.50", 182.0, 200.0)]),
            line(48.0, &[("Thank you.", 0.0, 60.0)]),
        ];
        let expected = [["Item", "Number", "Price"], ["Kettle", "1", "9.50"], ["Cup", "", "0.50"]];
        assert_eq!(of(&page), [expected.map(|row| row.map(str::to_owned).to_vec()).to_vec()]);
    }

    #[test]
    fn neither_one_line_nor_text_in_columns_is_a_table() {
        assert_eq!(of(&[line(0.0, &[("left", 0.0, 20.0), ("right", 100.0, 120.0)])]), Vec::<Table>::new());
        let long = "a sentence that goes on and on for more than a cell would";
        let columns = [(long, 0.0, 200.0), (long, 220.0, 420.0)];
        assert_eq!(of(&[line(0.0, &columns), line(12.0, &columns)]), Vec::<Table>::new());
        let apart = [("a", 0.0, 5.0), ("b", 50.0, 55.0)];
        assert_eq!(of(&[line(0.0, &apart), line(100.0, &apart)]), Vec::<Table>::new());
    }
}
