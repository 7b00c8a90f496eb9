//! Says in a PDF's metadata that it is Factur-X (Factur-X 1.0, section 6.2.2). krilla writes the metadata of PDF/A and
//! PDF/UA, and has no place for more.
//!
//! The metadata of XMP is one of the last objects of the file, and not compressed. It is made longer where it stands,
//! and the table of objects (ISO 32000-1, section 7.5.4) follows.

use super::draw::ATTACHMENT;

const SCHEMAS_END: &str = "</rdf:Bag></pdfaExtension:schemas>";
const METADATA_END: &str = "</rdf:RDF>";
const NAMESPACE: &str = "urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#";
/// "0000014675 00000 n" and an end of line.
const ENTRY: usize = 20;
const OFFSET: usize = 10;

/// The file is not built as krilla 0.8 builds it.
#[derive(Debug, thiserror::Error)]
#[error("the PDF has no {0} where it should be")]
pub struct UnknownLayout(&'static str);

/// The file, whose metadata names its attachment.
pub(super) fn declare_factur_x(pdf: &[u8]) -> Result<Vec<u8>, UnknownLayout> {
    let metadata = Metadata::find(pdf)?;
    let longer = metadata.with_factur_x()?;
    let (length_from, length_to) = metadata.length;
    let head = [&pdf[..length_from], longer.len().to_string().as_bytes(), &pdf[length_to..metadata.from]].concat();
    let mut out = [&head, longer.as_bytes()].concat();
    let moved = out.len() - metadata.to;
    let table = table(pdf)?;
    out.extend_from_slice(&pdf[metadata.to..table.from]);
    out.extend_from_slice(&pdf[table.from..table.entries]);
    for entry in pdf[table.entries..table.trailer].chunks(ENTRY) {
        out.extend(shifted(entry, metadata.from, moved)?);
    }
    let start = rfind(pdf, b"startxref\n", pdf.len()).ok_or(UnknownLayout("start of its table"))?;
    out.extend_from_slice(&pdf[table.trailer..start]);
    out.extend(format!("startxref\n{}\n%%EOF", table.from + moved).into_bytes());
    Ok(out)
}

/// The stream of XMP, by places in the file.
struct Metadata<'a> {
    text: &'a str,
    from: usize,
    to: usize,
    /// The number that says how long the stream is.
    length: (usize, usize),
}

impl<'a> Metadata<'a> {
    fn find(pdf: &'a [u8]) -> Result<Self, UnknownLayout> {
        let missing = || UnknownLayout("metadata");
        let from = rfind(pdf, b"<?xpacket begin", pdf.len()).ok_or_else(missing)?;
        let to = from + find(&pdf[from..], b"\nendstream").ok_or_else(missing)?;
        let text = std::str::from_utf8(&pdf[from..to]).map_err(|_| missing())?;
        let number = rfind(pdf, b"/Length ", from).ok_or_else(missing)? + "/Length ".len();
        let digits = pdf[number..from].iter().take_while(|byte| byte.is_ascii_digit()).count();
        Ok(Self { text, from, to, length: (number, number + digits) })
    }

    fn with_factur_x(&self) -> Result<String, UnknownLayout> {
        let (before, rest) = self.text.split_once(SCHEMAS_END).ok_or(UnknownLayout("schemas of metadata"))?;
        let (between, after) = rest.split_once(METADATA_END).ok_or(UnknownLayout("metadata"))?;
        Ok([before, &schema(), SCHEMAS_END, between, &properties(), METADATA_END, after].concat())
    }
}

/// The table of objects, by places in the file.
struct Table {
    from: usize,
    entries: usize,
    trailer: usize,
}

fn table(pdf: &[u8]) -> Result<Table, UnknownLayout> {
    let missing = || UnknownLayout("table of objects");
    let trailer = rfind(pdf, b"trailer\n", pdf.len()).ok_or_else(missing)?;
    let from = rfind(pdf, b"\nxref\n", trailer).ok_or_else(missing)? + 1;
    let counts = from + "xref\n".len();
    let entries = counts + find(&pdf[counts..trailer], b"\n").ok_or_else(missing)? + 1;
    if (trailer - entries).is_multiple_of(ENTRY) { Ok(Table { from, entries, trailer }) } else { Err(missing()) }
}

/// An entry of the table, after what is behind `place` has moved.
fn shifted(entry: &[u8], place: usize, moved: usize) -> Result<Vec<u8>, UnknownLayout> {
    let offset = std::str::from_utf8(&entry[..OFFSET]).ok().and_then(|digits| digits.parse::<usize>().ok());
    let offset = offset.ok_or(UnknownLayout("table of objects"))?;
    let offset = if offset > place { offset + moved } else { offset };
    Ok([format!("{offset:0OFFSET$}").as_bytes(), &entry[OFFSET..]].concat())
}

/// PDF/A wants each property described that is not its own.
fn schema() -> String {
    let property = |name: &str, description: &str| {
        format!(
            "<rdf:li rdf:parseType=\"Resource\"><pdfaProperty:name>{name}</pdfaProperty:name>\
             <pdfaProperty:valueType>Text</pdfaProperty:valueType>\
             <pdfaProperty:category>external</pdfaProperty:category>\
             <pdfaProperty:description>{description}</pdfaProperty:description></rdf:li>"
        )
    };
    let properties = [
        property("DocumentFileName", "The name of the embedded XML document"),
        property("DocumentType", "The type of the hybrid document in capital letters, e.g. INVOICE or ORDER"),
        property("Version", "The actual version of the standard applying to the embedded XML document"),
        property("ConformanceLevel", "The conformance level of the embedded XML document"),
    ];
    format!(
        "<rdf:li rdf:parseType=\"Resource\"><pdfaSchema:schema>Factur-X PDFA Extension Schema</pdfaSchema:schema>\
         <pdfaSchema:namespaceURI>{NAMESPACE}</pdfaSchema:namespaceURI><pdfaSchema:prefix>fx</pdfaSchema:prefix>\
         <pdfaSchema:property><rdf:Seq>{}</rdf:Seq></pdfaSchema:property></rdf:li>",
        properties.concat()
    )
}

fn properties() -> String {
    format!(
        "<rdf:Description rdf:about=\"\" xmlns:fx=\"{NAMESPACE}\"><fx:DocumentType>INVOICE</fx:DocumentType>\
         <fx:DocumentFileName>{ATTACHMENT}</fx:DocumentFileName><fx:Version>1.0</fx:Version>\
         <fx:ConformanceLevel>EN 16931</fx:ConformanceLevel></rdf:Description>"
    )
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

/// The last place before `end`.
fn rfind(bytes: &[u8], wanted: &[u8], end: usize) -> Option<usize> {
    bytes[..end].windows(wanted.len()).rposition(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_behind_the_metadata_moves() {
        let shift = |entry: &str| String::from_utf8(shifted(entry.as_bytes(), 500, 1_000).unwrap()).unwrap();
        assert_eq!(shift("0000000400 00000 n\r\n"), "0000000400 00000 n\r\n");
        assert_eq!(shift("0000000600 00000 n\r\n"), "0000001600 00000 n\r\n");
    }

    #[test]
    fn a_file_of_another_layout_is_an_error() {
        assert!(declare_factur_x(b"%PDF-1.7\n").is_err());
    }
}
