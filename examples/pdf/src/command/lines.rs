//! Lines of a page: glyphs beside each other on one base line, as words, in pieces that stand far apart.

use super::glyphs::Glyph;

// As parts of the font's size.
/// Farther from the base line, a glyph is on another line.
const LINE: f64 = 0.4;
/// A wider gap divides words.
const WORD: f64 = 0.2;
/// A wider gap divides pieces, such as the cells of a table.
const PIECE: f64 = 0.6;
/// The same where a space is drawn in the gap, as between words of a line that is stretched.
const PIECE_WITH_SPACE: f64 = 1.0;
/// The same character nearer than this to itself is drawn twice, to look bold.
const TWICE: f64 = 0.1;
/// A wider step down from line to line divides paragraphs.
const PARAGRAPH: f64 = 1.8;

#[derive(Debug, PartialEq)]
pub(super) struct Piece {
    pub text: String,
    pub left: f64,
    pub right: f64,
}

/// Pieces from left to right.
#[derive(Debug, PartialEq)]
pub(super) struct Line {
    pub baseline: f64,
    pub size: f64,
    pub pieces: Vec<Piece>,
}

impl Line {
    /// Whether `next` stands so far below that it begins another paragraph.
    pub fn is_left_by(&self, next: &Self) -> bool {
        next.baseline - self.baseline > PARAGRAPH * self.size.max(next.size)
    }
}

/// From top to bottom; without lines of spaces.
pub(super) fn of(mut glyphs: Vec<Glyph>) -> Vec<Line> {
    glyphs.sort_by(|a, b| a.baseline.total_cmp(&b.baseline));
    let mut rows: Vec<Vec<Glyph>> = Vec::new();
    for glyph in glyphs {
        match rows.last_mut() {
            Some(row) if glyph.baseline - row[0].baseline <= LINE * row[0].size.max(glyph.size) => row.push(glyph),
            _ => rows.push(vec![glyph]),
        }
    }
    rows.into_iter().map(line).filter(|line| !line.pieces.is_empty()).collect()
}

fn line(mut row: Vec<Glyph>) -> Line {
    row.sort_by(|a, b| a.left.total_cmp(&b.left));
    let mut line = Line { baseline: row[0].baseline, size: 0.0, pieces: Vec::new() };
    let (mut last, mut space): (Option<&Glyph>, _) = (None, false);
    for glyph in &row {
        if glyph.text.trim().is_empty() {
            space = true;
            continue;
        }
        if last.is_some_and(|last| last.text == glyph.text && glyph.left - last.left < TWICE * glyph.size) {
            continue;
        }
        line.size = line.size.max(glyph.size);
        let gap = line.pieces.last().map_or(f64::INFINITY, |piece| glyph.left - piece.right);
        let widest = if space { PIECE_WITH_SPACE } else { PIECE };
        match line.pieces.last_mut() {
            Some(piece) if gap <= widest * glyph.size => {
                if space || gap > WORD * glyph.size {
                    piece.text.push(' ');
                }
                piece.text.push_str(&glyph.text);
                piece.right = piece.right.max(glyph.right);
            }
            _ => line.pieces.push(Piece { text: glyph.text.clone(), left: glyph.left, right: glyph.right }),
        }
        (last, space) = (Some(glyph), false);
    }
    line
}

/// A line of text for each line, with a tab between pieces, and an empty one between paragraphs.
pub(super) fn text(lines: &[Line]) -> String {
    let mut text = String::new();
    for (line, next) in lines.iter().zip(lines.iter().skip(1).map(Some).chain([None])) {
        let pieces: Vec<_> = line.pieces.iter().map(|piece| &*piece.text).collect();
        text.push_str(&pieces.join("\t"));
        let paragraph = next.is_some_and(|next| line.is_left_by(next));
        text.push_str(if paragraph { "\n\n" } else { "\n" });
    }
    text.truncate(text.trim_end().len());
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Glyphs of ten points, each half as wide.
    fn word(text: &str, left: f64, baseline: f64) -> Vec<Glyph> {
        let place = |(index, character): (u32, char)| {
            let left = left + 5.0 * f64::from(index);
            Glyph { text: character.to_string(), left, right: left + 5.0, baseline, size: 10.0 }
        };
        (0..).zip(text.chars()).map(place).collect()
    }

    fn read(words: &[Vec<Glyph>]) -> String {
        text(&of(words.concat()))
    }

    #[test]
    fn words_lines_and_paragraphs_follow_from_positions() {
        let drawn = [word("below", 0.0, 12.0), word("a", 0.0, 0.0), word("line", 8.0, 0.0), word("far", 60.0, 0.5)];
        assert_eq!(read(&drawn), "a line\tfar\nbelow");
        assert_eq!(read(&[word("one", 0.0, 0.0), word("two", 0.0, 30.0)]), "one\n\ntwo");
        assert_eq!(read(&[word("with space", 0.0, 0.0)]), "with space");
        let stretched = |between: Vec<Glyph>| read(&[word("a", 0.0, 0.0), between, word("b", 13.0, 0.0)]);
        assert_eq!((&*stretched(Vec::new()), &*stretched(word(" ", 5.0, 0.0))), ("a\tb", "a b"));
        assert_eq!(read(&[word("   ", 0.0, 0.0)]), "");
    }

    #[test]
    fn what_is_drawn_twice_to_look_bold_is_read_once() {
        assert_eq!(read(&[word("all", 0.0, 0.0), word("all", 0.3, 0.0)]), "all");
    }
}
