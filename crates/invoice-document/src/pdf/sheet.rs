//! Pages of A4 that fill from top to bottom. Lengths are in points, from the top left.

use super::{
    font::Weight,
    tree::{Part, Role, Tree},
};
use std::collections::BTreeSet;

pub(super) const PAGE_WIDTH: f32 = 595.28;
pub(super) const PAGE_HEIGHT: f32 = 841.89;
pub(super) const LEFT: f32 = 48.0;
pub(super) const RIGHT: f32 = PAGE_WIDTH - LEFT;
pub(super) const WIDTH: f32 = RIGHT - LEFT;
const TOP: f32 = 48.0;
/// Below a running head.
const NEXT_TOP: f32 = 62.0;
/// Above a footer.
const BOTTOM: f32 = PAGE_HEIGHT - 66.0;
/// From one line of text to the next, in sizes of the font.
const LEADING: f32 = 1.36;
/// From the top of a line of text to the foot of its letters, in sizes of the font.
const BASELINE: f32 = 1.04;

/// Red, green and blue of sRGB.
pub(super) type Color = [u8; 3];
pub(super) const INK: Color = [24, 28, 36];
pub(super) const GREY: Color = [92, 100, 114];
pub(super) const ACCENT: Color = [28, 66, 120];
pub(super) const LINE: Color = [206, 212, 222];
pub(super) const SHADE: Color = [241, 244, 248];

/// How a text looks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Style {
    pub weight: Weight,
    pub size: f32,
    pub color: Color,
}

impl Style {
    pub const fn plain(size: f32) -> Self {
        Self { weight: Weight::Regular, size, color: INK }
    }

    pub const fn bold(size: f32) -> Self {
        Self { weight: Weight::Bold, size, color: INK }
    }

    pub const fn grey(size: f32) -> Self {
        Self { weight: Weight::Regular, size, color: GREY }
    }

    pub fn leading(self) -> f32 {
        self.size * LEADING
    }

    pub fn width(self, text: &str) -> f32 {
        self.weight.face().width(text, self.size)
    }

    pub fn wrap(self, text: &str, width: f32) -> Vec<String> {
        self.weight.face().wrap(text, self.size, width)
    }

    /// No larger than that `text` fits into `width`.
    pub fn fitting(self, text: &str, width: f32) -> Self {
        let needed = self.width(text);
        if needed <= width { self } else { Self { size: self.size * width / needed, ..self } }
    }
}

/// Something to draw. What belongs to no part of the document, such as a line or a page's number, is an ornament.
pub(super) struct Item {
    pub part: Option<Part>,
    pub shape: Shape,
}

pub(super) enum Shape {
    Text { x: f32, baseline: f32, text: String, style: Style, link: Option<String> },
    Box { x: f32, y: f32, width: f32, height: f32, color: Color },
}

/// Where a heading is.
pub(super) struct Heading {
    pub title: String,
    pub page: usize,
    pub y: f32,
}

/// The document while it grows. What is written goes to the last page.
pub(super) struct Sheet {
    pub pages: Vec<Vec<Item>>,
    pub tree: Tree,
    pub headings: Vec<Heading>,
    /// What the document is, such as "Invoice 17".
    pub title: String,
    /// Whose document it is.
    pub author: String,
    /// Where the next thing goes.
    pub y: f32,
}

impl Sheet {
    pub fn new(title: String, author: String) -> Self {
        Self { pages: vec![Vec::new()], tree: Tree::default(), headings: Vec::new(), title, author, y: TOP }
    }

    pub fn fits(&self, height: f32) -> bool {
        self.y + height <= BOTTOM
    }

    /// The most that fits on any page but the first.
    pub fn page_room() -> f32 {
        BOTTOM - NEXT_TOP
    }

    /// Goes on on a new page unless there is room for `height`.
    pub fn need(&mut self, height: f32) {
        if !self.fits(height) {
            self.new_page();
        }
    }

    pub fn new_page(&mut self) {
        self.pages.push(Vec::new());
        let style = Style::grey(8.0);
        let title = style.weight.face().shorten(&self.title, style.size, WIDTH * 0.48);
        let author = style.weight.face().shorten(&self.author, style.size, WIDTH * 0.48);
        self.text(None, LEFT, 32.0, &author, style);
        self.text_right(None, RIGHT, 32.0, &title, style);
        self.rule(LEFT, RIGHT, 46.0, LINE);
        self.y = NEXT_TOP;
    }

    /// Writes one thing and, from the same height on, another in another column; goes on below both. What is too long for
    /// the page is not accompanied.
    pub fn beside(&mut self, one: impl FnOnce(&mut Self), other: impl FnOnce(&mut Self)) {
        let (page, top) = (self.pages.len(), self.y);
        one(self);
        let below = self.y;
        if self.pages.len() == page {
            self.y = top;
        }
        other(self);
        if self.pages.len() == page {
            self.y = self.y.max(below);
        }
    }

    pub fn add(&mut self, parent: Option<Part>, role: Role) -> Part {
        self.tree.add(parent, role)
    }

    /// A line of text whose top is at `y`.
    pub fn text(&mut self, part: Option<Part>, x: f32, y: f32, text: &str, style: Style) {
        self.text_on(self.pages.len() - 1, part, x, y, text, style, None);
    }

    pub fn text_right(&mut self, part: Option<Part>, right: f32, y: f32, text: &str, style: Style) {
        self.text(part, right - style.width(text), y, text, style);
    }

    /// A line that leads to `link`.
    pub fn link(&mut self, part: Part, x: f32, y: f32, text: &str, style: Style, link: &str) {
        self.text_on(self.pages.len() - 1, Some(part), x, y, text, style, Some(link.to_owned()));
    }

    #[expect(clippy::too_many_arguments, reason = "all that a line of text is")]
    pub fn text_on(
        &mut self,
        page: usize,
        part: Option<Part>,
        x: f32,
        y: f32,
        text: &str,
        style: Style,
        link: Option<String>,
    ) {
        if !text.is_empty() {
            let shape = Shape::Text { x, baseline: y + style.size * BASELINE, text: text.to_owned(), style, link };
            self.pages[page].push(Item { part, shape });
        }
    }

    /// A thin line.
    pub fn rule(&mut self, from: f32, to: f32, y: f32, color: Color) {
        self.rule_on(self.pages.len() - 1, from, to, y, color);
    }

    pub fn rule_on(&mut self, page: usize, from: f32, to: f32, y: f32, color: Color) {
        let shape = Shape::Box { x: from, y, width: to - from, height: 0.6, color };
        self.pages[page].push(Item { part: None, shape });
    }

    pub fn area(&mut self, x: f32, y: f32, width: f32, height: f32, color: Color) {
        let page = self.pages.len() - 1;
        self.pages[page].push(Item { part: None, shape: Shape::Box { x, y, width, height, color } });
    }

    /// A heading, which stays with `following` points of what comes next.
    pub fn heading(&mut self, title: &str, following: f32) {
        let style = Style { color: ACCENT, ..Style::bold(11.0) };
        self.need(style.leading() + 4.0 + following);
        let part = self.note_heading(2, title);
        self.text(Some(part), LEFT, self.y, title, style);
        self.y += style.leading() + 4.0;
    }

    /// Enters a heading into the structure and the outline; what it looks like is the caller's.
    pub fn note_heading(&mut self, level: u16, title: &str) -> Part {
        self.headings.push(Heading { title: title.to_owned(), page: self.pages.len() - 1, y: self.y });
        self.add(None, Role::Heading { level, title: title.to_owned() })
    }

    /// A text of any length from the current place on; goes on on the next pages.
    pub fn paragraph(&mut self, part: Part, x: f32, width: f32, text: &str, style: Style) {
        for line in style.wrap(text, width) {
            self.need(style.leading());
            self.text(Some(part), x, self.y, &line, style);
            self.y += style.leading();
        }
    }

    /// Characters that no font of the document has.
    pub fn unprintable(&self) -> BTreeSet<char> {
        let texts = self.pages.iter().flatten().filter_map(|item| match &item.shape {
            Shape::Text { text, style, .. } => Some((text, style.weight.face())),
            Shape::Box { .. } => None,
        });
        texts.flat_map(|(text, face)| text.chars().filter(|character| !face.has(*character))).collect()
    }
}
