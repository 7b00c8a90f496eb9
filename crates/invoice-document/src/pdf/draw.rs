//! Draws laid-out pages with krilla, which refuses what PDF/A-3a and PDF/UA-1 forbid.

use super::sheet::{Color, Item, PAGE_HEIGHT, PAGE_WIDTH, Shape, Sheet, Style};
use super::tree::Marks;
use crate::model::Invoice;
use chrono::Datelike;
use krilla::{
    Document, SerializeSettings,
    action::LinkAction,
    annotation::{Annotation, LinkAnnotation, Target},
    color::rgb,
    configure::{Accessibility, Archival, ConfigurationBuilder},
    destination::XyzDestination,
    embed::{AssociationKind, EmbeddedFile, MimeType},
    error::KrillaError,
    geom::{PathBuilder, Point, Rect},
    metadata::{DateTime, Metadata},
    num::NormalizedF32,
    outline::{Outline, OutlineNode},
    page::{Page, PageSettings},
    paint::{Fill, FillRule},
    surface::Surface,
    tagging::{Artifact, ArtifactType, ContentTag, SpanTag},
};

/// The language of our words on the page (RFC 3066).
const LANGUAGE: &str = "en";
/// As Factur-X 1.0 wants the attachment to be called.
pub(super) const ATTACHMENT: &str = "factur-x.xml";

/// The file. Its dates are the day of issue: it says nothing of when it was made.
pub(super) fn draw(sheet: Sheet, invoice: &Invoice, xml: Option<&str>) -> Result<Vec<u8>, KrillaError> {
    let mut document = Document::new_with(settings());
    let issued = issued(invoice);
    document.set_metadata(metadata(&sheet, issued));
    if let Some(xml) = xml {
        document.embed_file(attachment(xml, issued));
    }
    let mut marks = sheet.tree.marks();
    for items in &sheet.pages {
        draw_page(&mut document, items, &mut marks);
    }
    document.set_outline(outline(&sheet));
    document.set_tag_tree(sheet.tree.tagged(marks, LANGUAGE));
    document.finish()
}

fn settings() -> SerializeSettings {
    let builder = ConfigurationBuilder::new()
        .with_archival_validator(Archival::A3_A)
        .with_accessibility_validator(Accessibility::UA1);
    let configuration = builder.finish().expect("both standards are of PDF 1.7");
    SerializeSettings { configuration, ..SerializeSettings::default() }
}

fn issued(invoice: &Invoice) -> DateTime {
    let day = invoice.issued_on;
    // Both fit: chrono counts months and days from one.
    DateTime::new(day.year().clamp(0, 9999) as u16).month(day.month() as u8).day(day.day() as u8).utc_offset_hour(0)
}

fn metadata(sheet: &Sheet, issued: DateTime) -> Metadata {
    Metadata::new()
        .title(sheet.title.clone())
        .authors(vec![sheet.author.clone()])
        .language(LANGUAGE.into())
        .creation_date(issued)
        .document_id(sheet.title.clone())
}

fn attachment(xml: &str, issued: DateTime) -> EmbeddedFile {
    EmbeddedFile {
        path: ATTACHMENT.into(),
        mime_type: MimeType::new("text/xml"),
        description: Some("The invoice as data: EN 16931 in the syntax CII (Factur-X)".into()),
        association_kind: AssociationKind::Alternative,
        data: xml.as_bytes().to_vec().into(),
        modification_date: Some(issued),
        compress: Some(true),
        location: None,
    }
}

fn outline(sheet: &Sheet) -> Outline {
    let mut outline = Outline::new();
    for heading in &sheet.headings {
        let place = XyzDestination::new(heading.page, Point::from_xy(0.0, (heading.y - 8.0).max(0.0)));
        outline.push_child(OutlineNode::new(heading.title.clone(), place));
    }
    outline
}

fn draw_page(document: &mut Document, items: &[Item], marks: &mut Marks) {
    let size = PageSettings::from_wh(PAGE_WIDTH, PAGE_HEIGHT).expect("A4 has a size");
    let mut page = document.start_page_with(size);
    let mut surface = page.surface();
    for item in items {
        draw_item(&mut surface, item, marks);
    }
    surface.finish();
    for item in items {
        add_link(&mut page, item, marks);
    }
}

fn draw_item(surface: &mut Surface<'_>, item: &Item, marks: &mut Marks) {
    let ornament = ContentTag::Artifact(Artifact::with_kind(ArtifactType::Layout));
    let plain = SpanTag { lang: None, alt_text: None, expanded: None, actual_text: None };
    let mark = surface.start_tagged(if item.part.is_some() { ContentTag::Span(plain) } else { ornament });
    match &item.shape {
        Shape::Text { x, baseline, text, style, .. } => {
            let Style { weight, size, color } = *style;
            surface.set_fill(Some(fill(color)));
            let face = weight.face();
            surface.draw_glyphs(Point::from_xy(*x, *baseline), &face.shape(text), face.font(), text, size, false);
        }
        Shape::Box { x, y, width, height, color } => {
            surface.set_fill(Some(fill(*color)));
            let mut path = PathBuilder::new();
            Rect::from_xywh(*x, *y, *width, *height).into_iter().for_each(|area| path.push_rect(area));
            path.finish().iter().for_each(|path| surface.draw_path(path));
        }
    }
    surface.end_tagged();
    if let Some(part) = item.part {
        marks.add(part, mark);
    }
}

fn fill([red, green, blue]: Color) -> Fill {
    Fill { paint: rgb::Color::new(red, green, blue).into(), opacity: NormalizedF32::ONE, rule: FillRule::NonZero }
}

fn add_link(page: &mut Page<'_>, item: &Item, marks: &mut Marks) {
    let (Some(part), Shape::Text { x, baseline, text, style, link: Some(link) }) = (item.part, &item.shape) else {
        return;
    };
    let (top, bottom) = (baseline - style.size, baseline + style.size * 0.3);
    let Some(area) = Rect::from_ltrb(*x, top, x + style.width(text), bottom) else { return };
    let target = Target::Action(LinkAction::new(link.clone()).into());
    let annotation = Annotation::new_link(LinkAnnotation::new(area, target), Some(format!("Pay online: {link}")));
    marks.add(part, page.add_tagged_annotation(annotation));
}
