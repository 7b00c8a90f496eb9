//! The structure of a document for those who have it read aloud: headings, paragraphs, tables (ISO 14289-1).

use krilla::tagging::{Node, TableHeaderScope, Tag, TagGroup, TagKind, TagTree};
use std::num::NonZeroU16;

/// What a part of the document is.
#[derive(Clone, Debug)]
pub(super) enum Role {
    Heading { level: u16, title: String },
    Paragraph,
    Link,
    Table,
    TableHead,
    TableBody,
    Row,
    ColumnHeader,
    RowHeader,
    Cell,
}

impl Role {
    fn tag(&self) -> TagKind {
        match self {
            Self::Heading { level, title } => {
                Tag::Hn(NonZeroU16::new(*level).unwrap_or(NonZeroU16::MIN), Some(title.clone())).into()
            }
            Self::Paragraph => Tag::P.into(),
            Self::Link => Tag::Link.into(),
            Self::Table => Tag::Table.into(),
            Self::TableHead => Tag::THead.into(),
            Self::TableBody => Tag::TBody.into(),
            Self::Row => Tag::TR.into(),
            Self::ColumnHeader => Tag::TH(TableHeaderScope::Column).into(),
            Self::RowHeader => Tag::TH(TableHeaderScope::Row).into(),
            Self::Cell => Tag::TD.into(),
        }
    }
}

/// A part of the document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part(usize);

/// All parts, in reading order.
#[derive(Default)]
pub(super) struct Tree {
    roots: Vec<Part>,
    nodes: Vec<(Role, Vec<Part>)>,
}

impl Tree {
    /// Adds a part below `parent`, or at the top.
    pub fn add(&mut self, parent: Option<Part>, role: Role) -> Part {
        let part = Part(self.nodes.len());
        self.nodes.push((role, Vec::new()));
        match parent {
            Some(Part(parent)) => self.nodes[parent].1.push(part),
            None => self.roots.push(part),
        }
        part
    }

    /// With what was drawn of each part; a part's own marks come before its inner parts.
    pub fn tagged(&self, mut marks: Marks, language: &str) -> TagTree {
        let mut tree = TagTree::new().with_lang(Some(language.to_owned()));
        for part in &self.roots {
            tree.push(self.group(*part, &mut marks));
        }
        tree
    }

    fn group(&self, part: Part, marks: &mut Marks) -> TagGroup {
        let (role, inner) = &self.nodes[part.0];
        let mut children = std::mem::take(&mut marks.0[part.0]);
        children.extend(inner.iter().map(|part| Node::Group(self.group(*part, marks))));
        TagGroup::with_children(role.tag(), children)
    }

    pub fn marks(&self) -> Marks {
        Marks(vec![Vec::new(); self.nodes.len()])
    }
}

/// What was drawn of each part.
pub(super) struct Marks(Vec<Vec<Node>>);

impl Marks {
    pub fn add(&mut self, part: Part, mark: impl Into<Node>) {
        self.0[part.0].push(mark.into());
    }
}
