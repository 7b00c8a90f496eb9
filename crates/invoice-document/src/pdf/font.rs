//! Noto Sans, in two weights: Latin, Greek and Cyrillic with all their extensions. Its figures are of one width.
//!
//! Each character is drawn as one glyph, without kerning: scripts whose letters change by their neighbours would need
//! more, and the font has none.

use krilla::text::{Font, GlyphId, KrillaGlyph};
use skrifa::{
    FontRef, MetadataProvider,
    instance::{LocationRef, Size},
};
use std::{collections::HashMap, sync::LazyLock};

/// Drawn for a character that the font lacks.
const REPLACEMENT: char = char::REPLACEMENT_CHARACTER;

static REGULAR: LazyLock<Face> = LazyLock::new(|| Face::read(include_bytes!("../../fonts/NotoSans-Regular.ttf")));
static BOLD: LazyLock<Face> = LazyLock::new(|| Face::read(include_bytes!("../../fonts/NotoSans-Bold.ttf")));

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weight {
    Regular,
    Bold,
}

impl Weight {
    pub fn face(self) -> &'static Face {
        match self {
            Self::Regular => &REGULAR,
            Self::Bold => &BOLD,
        }
    }
}

/// A font and the measures of its glyphs.
pub(super) struct Face {
    font: Font,
    glyphs: HashMap<char, Glyph>,
    replacement: Glyph,
}

#[derive(Clone, Copy)]
struct Glyph {
    id: u32,
    /// In ems.
    advance: f32,
}

impl Face {
    /// Panics if `file` is no font: it is part of the binary, and every test reads it.
    fn read(file: &'static [u8]) -> Self {
        let metrics = FontRef::new(file).expect("a font");
        let widths = metrics.glyph_metrics(Size::new(1.0), LocationRef::default());
        let glyph = |(code, id): (u32, skrifa::GlyphId)| {
            let advance = widths.advance_width(id).unwrap_or_default();
            char::from_u32(code).map(|character| (character, Glyph { id: id.to_u32(), advance }))
        };
        let glyphs: HashMap<_, _> = metrics.charmap().mappings().filter_map(glyph).collect();
        let replacement = glyphs[&REPLACEMENT];
        Self { font: Font::new(file.into(), 0).expect("a font"), glyphs, replacement }
    }

    pub fn font(&self) -> Font {
        self.font.clone()
    }

    pub fn has(&self, character: char) -> bool {
        self.glyphs.contains_key(&character)
    }

    fn glyph(&self, character: char) -> Glyph {
        self.glyphs.get(&character).copied().unwrap_or(self.replacement)
    }

    /// In points, at `size` points.
    pub fn width(&self, text: &str, size: f32) -> f32 {
        text.chars().map(|character| self.glyph(character).advance).sum::<f32>() * size
    }

    pub fn shape(&self, text: &str) -> Vec<KrillaGlyph> {
        let glyph = |(start, character): (usize, char)| {
            let Glyph { id, advance } = self.glyph(character);
            KrillaGlyph::new(GlyphId::new(id), advance, 0.0, 0.0, 0.0, start..start + character.len_utf8(), None)
        };
        text.char_indices().map(glyph).collect()
    }

    /// Lines of at most `width` points, broken at spaces, and within a word that is wider than a line.
    pub fn wrap(&self, text: &str, size: f32, width: f32) -> Vec<String> {
        let (mut lines, mut line, mut used) = (Vec::new(), String::new(), 0.0);
        let space = self.width(" ", size);
        for word in text.split(' ') {
            let needed = self.width(word, size);
            if !line.is_empty() && used + space + needed > width {
                lines.push(std::mem::take(&mut line));
                used = 0.0;
            }
            if !line.is_empty() {
                line.push(' ');
                used += space;
            }
            for character in word.chars() {
                let advance = self.glyph(character).advance * size;
                if used + advance > width && !line.is_empty() {
                    lines.push(std::mem::take(&mut line));
                    used = 0.0;
                }
                line.push(character);
                used += advance;
            }
        }
        lines.push(line);
        lines
    }

    /// The beginning of `text` that fits, with an ellipsis if that is not all.
    pub fn shorten(&self, text: &str, size: f32, width: f32) -> String {
        if self.width(text, size) <= width {
            return text.to_owned();
        }
        let mut room = width - self.width("…", size);
        let fits = |character: &char| {
            room -= self.glyph(*character).advance * size;
            room >= 0.0
        };
        text.chars().take_while(fits).chain(['…']).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_broken_at_spaces_and_in_long_words() {
        let face = Weight::Regular.face();
        let width = face.width("mmmm", 10.0) + 0.01;
        assert_eq!(face.wrap("mm m mmmm mmmmmm m", 10.0, width), ["mm m", "mmmm", "mmmm", "mm m"]);
        assert_eq!(face.wrap("", 10.0, width), [""]);
        assert_eq!(face.shorten("mmmmm", 10.0, width), "mmm…");
    }

    #[test]
    fn european_scripts_have_glyphs_in_both_weights() {
        let text = "ÆØÅæøåßŁódźŠČŽğışțĦŋ ΑΒΓαβγάέήίόύώ АБВГДЕЁЖабвгдеёжЂЋЇІҐ €£₴₺₽ “„”‘’–—…•№";
        for weight in [Weight::Regular, Weight::Bold] {
            assert_eq!(text.chars().filter(|character| !weight.face().has(*character)).collect::<String>(), "");
        }
    }
}
