//! The glyphs of a page and where they are, from hayro's interpreter: what it would draw is noted instead.

use hayro_interpret::{
    BlendMode, ClipPath, Context, Device, DrawMode, DrawProps, Image, ImageDrawProps, InterpreterCache,
    InterpreterSettings, RenderContent, SoftMask,
    font::{self, GlyphRun},
    hayro_cmap::BfString,
    hayro_syntax::{page::Page, xref::XRef},
    interpret_page,
    kurbo::{Affine, BezPath, Point, Rect, Vec2},
};

/// Glyphs of one page.
pub(super) const MOST: usize = 200_000;
/// Units of a glyph's own coordinates in the size of its font.
const UNITS_PER_EM: f64 = 1000.0;
/// How far a line of text may rise or fall, as a part of its length, and still be read as a horizontal one.
const STEEPEST: f64 = 0.1;
/// For a glyph whose character the file does not tell.
const UNKNOWN: char = char::REPLACEMENT_CHARACTER;
/// Of Latin letters (Unicode, Alphabetic Presentation Forms), for whoever searches for a word.
const LIGATURES: [(char, &str); 7] =
    [('ﬀ', "ff"), ('ﬁ', "fi"), ('ﬂ', "fl"), ('ﬃ', "ffi"), ('ﬄ', "ffl"), ('ﬅ', "st"), ('ﬆ', "st")];

/// What stands at one place of a page, in points from its top left corner.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Glyph {
    /// Mostly one character; blank for a space.
    pub text: String,
    pub left: f64,
    pub right: f64,
    pub baseline: f64,
    /// Of the font.
    pub size: f64,
}

/// The page's glyphs in the order in which they are drawn; `None` if there are more than [`MOST`].
pub(super) fn of<'a>(page: &Page<'a>, xref: &'a XRef, cache: &InterpreterCache<'a>) -> Option<Vec<Glyph>> {
    let (width, height) = page.render_dimensions();
    let visible = Rect::new(0.0, 0.0, width.into(), height.into());
    let settings = InterpreterSettings { render_content: RenderContent::PAGE, ..InterpreterSettings::default() };
    let upright = Affine::new(page.initial_transform(true).as_coeffs());
    let mut context = Context::new(upright, visible, cache, xref, settings);
    let mut glyphs = Glyphs::default();
    interpret_page(page, &mut context, &mut glyphs);
    (!glyphs.too_many).then_some(glyphs.found)
}

#[derive(Default)]
struct Glyphs {
    found: Vec<Glyph>,
    too_many: bool,
}

impl Glyphs {
    fn add(&mut self, glyph: Glyph) {
        if self.found.len() == MOST {
            self.too_many = true;
        } else if [glyph.left, glyph.right, glyph.baseline, glyph.size].iter().all(|number| number.is_finite()) {
            self.found.push(glyph);
        }
    }
}

impl<'a> Device<'a> for Glyphs {
    fn draw_glyph_run(&mut self, run: &GlyphRun<'_, 'a>, props: DrawProps<'a>, _: &DrawMode) {
        let placed = run.glyphs().iter().map(|glyph| (character(glyph), props.transform * glyph.transform(), glyph));
        let mut askew: Option<Glyph> = None;
        for (text, place, glyph) in placed {
            let origin = place * Point::ZERO;
            let (along, up) = (vector(place, advance(glyph), 0.0), vector(place, 0.0, UNITS_PER_EM));
            let (left, right) = (origin.x.min(origin.x + along.x), origin.x.max(origin.x + along.x));
            let glyph = Glyph { text, left, right, baseline: origin.y, size: up.hypot() };
            if along.y.abs() <= STEEPEST * along.x.abs() {
                self.add(glyph);
            } else if let Some(askew) = &mut askew {
                askew.text.push_str(&glyph.text);
            } else {
                askew = Some(glyph);
            }
        }
        // A run that is not horizontal stands where it begins, as a whole.
        askew.into_iter().for_each(|run| self.add(run));
    }

    fn draw_path(&mut self, _: &BezPath, _: DrawProps<'a>, _: &DrawMode) {}
    fn push_clip_path(&mut self, _: &ClipPath) {}
    fn push_transparency_group(&mut self, _: f32, _: Option<SoftMask<'a>>, _: BlendMode) {}
    fn draw_image(&mut self, _: Image<'a, '_>, _: ImageDrawProps<'a>) {}
    fn pop_clip(&mut self) {}
    fn pop_transparency_group(&mut self) {}
}

fn character(glyph: &font::Glyph<'_>) -> String {
    match glyph.as_unicode() {
        Some(BfString::Char(character)) => legible(&character.to_string()),
        Some(BfString::String(text)) => legible(&text),
        None => UNKNOWN.to_string(),
    }
}

/// Ligatures as their letters, and nothing that nobody can see, such as a NUL, which PostgreSQL's texts cannot have.
fn legible(text: &str) -> String {
    let mut legible = String::new();
    for character in text.chars() {
        match LIGATURES.iter().find(|(ligature, _)| *ligature == character) {
            Some((_, letters)) => legible.push_str(letters),
            None if character.is_whitespace() => legible.push(' '),
            None if character.is_control() => {}
            None => legible.push(character),
        }
    }
    legible
}

fn advance(glyph: &font::Glyph<'_>) -> f64 {
    match glyph {
        font::Glyph::Outline(glyph) => glyph.advance_width(),
        font::Glyph::Type3(glyph) => glyph.advance_width(),
    }
    .unwrap_or(0.0)
    .into()
}

/// Where a step within the glyph's own coordinates leads on the page.
fn vector(place: Affine, x: f64, y: f64) -> Vec2 {
    place * Point::new(x, y) - place * Point::ZERO
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ligatures_are_letters_and_what_cannot_be_seen_is_left_out() {
        assert_eq!(legible("oﬃce\u{a0}ﬁle\0"), "office file");
    }
}
