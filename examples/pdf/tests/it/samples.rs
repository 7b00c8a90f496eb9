//! Small PDF files (ISO 32000-1), made by hand.

/// A text in Helvetica of 12 points; its place is in points from the page's bottom left corner.
pub type Text<'a> = (u32, u32, &'a str);

/// One page for each list of texts.
pub fn pdf(pages: &[&[Text<'_>]]) -> Vec<u8> {
    let contents = pages.iter().map(|texts| content(texts)).collect::<Vec<_>>();
    let streams: Vec<_> = (0..contents.len()).collect();
    file(&contents, &streams, "")
}

/// So many pages, all of them with the same text.
pub fn many_pages(count: usize) -> Vec<u8> {
    file(&[content(&[(72, 700, "Again")])], &vec![0; count], "")
}

/// Encrypted with a password that nobody knows (7.6.3).
pub fn encrypted() -> Vec<u8> {
    let (owner, user) = ("6f".repeat(32), "75".repeat(32));
    let encrypt = format!(
        "/Encrypt << /Filter /Standard /V 1 /R 2 /P -4 /O <{owner}> /U <{user}> >> /ID [<{id}> <{id}>]",
        id = "1d".repeat(16)
    );
    file(&[content(&[(72, 700, "Secret")])], &[0], &encrypt)
}

fn content(texts: &[Text<'_>]) -> String {
    let show = |(x, y, text): &Text<'_>| format!("BT /F1 12 Tf {x} {y} Td ({text}) Tj ET");
    texts.iter().map(show).collect::<Vec<_>>().join("\n")
}

/// A page for each of `pages`, with the content of that number.
fn file(contents: &[String], pages: &[usize], trailer: &str) -> Vec<u8> {
    let first_page = 4 + contents.len();
    let kids: Vec<_> = (0..pages.len()).map(|page| format!("{} 0 R", first_page + page)).collect();
    let mut objects = vec![
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        format!("<< /Type /Pages /Count {} /Kids [{}] /MediaBox [0 0 612 792] >>", pages.len(), kids.join(" ")),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>".to_owned(),
    ];
    let stream = |content: &String| format!("<< /Length {} >>\nstream\n{content}\nendstream", content.len());
    objects.extend(contents.iter().map(stream));
    let page = |content: &usize| {
        format!("<< /Type /Page /Parent 2 0 R /Contents {} 0 R /Resources << /Font << /F1 3 0 R >> >> >>", 4 + content)
    };
    objects.extend(pages.iter().map(page));
    let (mut bytes, mut places) = (String::from("%PDF-1.4\n"), Vec::new());
    for (number, object) in (1..).zip(&objects) {
        places.push(bytes.len());
        bytes.push_str(&format!("{number} 0 obj\n{object}\nendobj\n"));
    }
    let (table, size) = (bytes.len(), objects.len() + 1);
    let places: String = places.iter().map(|place| format!("{place:010} 00000 n \n")).collect();
    bytes.push_str(&format!("xref\n0 {size}\n0000000000 65535 f \n{places}"));
    bytes.push_str(&format!("trailer\n<< /Size {size} /Root 1 0 R {trailer} >>\nstartxref\n{table}\n%%EOF\n"));
    bytes.into_bytes()
}
