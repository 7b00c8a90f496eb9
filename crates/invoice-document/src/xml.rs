//! A writer of XML 1.0: elements with text or with elements, indented.

/// A document that is being written.
pub(crate) struct Xml {
    text: String,
    depth: usize,
}

impl Xml {
    pub fn new() -> Self {
        Self { text: "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".into(), depth: 0 }
    }

    pub fn finish(self) -> String {
        self.text
    }

    /// An element that has others.
    pub fn group(&mut self, name: &str, content: impl FnOnce(&mut Self)) {
        self.group_with(name, &[], content);
    }

    pub fn group_with(&mut self, name: &str, attributes: &[(&str, &str)], content: impl FnOnce(&mut Self)) {
        self.begin(name, attributes);
        self.text.push('\n');
        self.depth += 1;
        content(self);
        self.depth -= 1;
        self.indent();
        self.end(name);
    }

    /// An element that has text.
    pub fn leaf(&mut self, name: &str, text: impl AsRef<str>) {
        self.leaf_with(name, &[], text);
    }

    pub fn leaf_with(&mut self, name: &str, attributes: &[(&str, &str)], text: impl AsRef<str>) {
        self.begin(name, attributes);
        escape(&mut self.text, text.as_ref());
        self.end(name);
    }

    /// Nothing if there is no text.
    pub fn optional(&mut self, name: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.leaf(name, text);
        }
    }

    fn begin(&mut self, name: &str, attributes: &[(&str, &str)]) {
        self.indent();
        self.text.push('<');
        self.text.push_str(name);
        for (attribute, value) in attributes {
            self.text.push(' ');
            self.text.push_str(attribute);
            self.text.push_str("=\"");
            escape(&mut self.text, value);
            self.text.push('"');
        }
        self.text.push('>');
    }

    fn end(&mut self, name: &str) {
        self.text.push_str("</");
        self.text.push_str(name);
        self.text.push_str(">\n");
    }

    fn indent(&mut self) {
        self.text.extend(std::iter::repeat_n("  ", self.depth));
    }
}

fn escape(out: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            other => out.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_means_something_in_xml_is_escaped() {
        let mut xml = Xml::new();
        xml.group_with("a", &[("b", "\"<&")], |xml| xml.leaf("c", "1 < 2 && \"x\" > y"));
        assert!(
            xml.finish()
                .ends_with("<a b=\"&quot;&lt;&amp;\">\n  <c>1 &lt; 2 &amp;&amp; &quot;x&quot; &gt; y</c>\n</a>\n")
        );
    }
}
