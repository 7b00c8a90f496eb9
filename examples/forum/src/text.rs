//! Texts that are fit to be shown: not empty, not too long, and without characters that no screen shows.

use common::problem::{FieldError, Problem};

/// Reads the fields of one request and collects what is wrong with them.
#[derive(Default)]
pub struct Fields(Vec<FieldError>);

impl Fields {
    /// The trimmed text, between 1 and `max` characters. Lines end in LF; forms send CRLF.
    pub fn text(&mut self, field: &str, text: &str, max: usize) -> String {
        let text = text.trim().replace("\r\n", "\n");
        let length = text.chars().count();
        if length == 0 {
            self.wrong(field, "missing", "is required");
        } else if length > max {
            self.wrong(field, "too_long", &format!("must be at most {max} characters"));
        } else if text.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
            self.wrong(field, "malformed", "must not contain control characters");
        }
        text
    }

    /// As [`Fields::text`], on one line.
    pub fn line(&mut self, field: &str, text: &str, max: usize) -> String {
        let line = self.text(field, text, max);
        if line.contains(['\n', '\t']) {
            self.wrong(field, "malformed", "must be one line");
        }
        line
    }

    pub fn wrong(&mut self, field: &str, code: &str, message: &str) {
        self.0.push(FieldError::new(field, code, message));
    }

    /// `value` if nothing was wrong.
    pub fn finish<T>(self, value: T) -> Result<T, Problem> {
        if self.0.is_empty() { Ok(value) } else { Err(Problem::invalid(self.0)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(check: impl FnOnce(&mut Fields)) -> Vec<String> {
        let mut fields = Fields::default();
        check(&mut fields);
        fields
            .finish(())
            .err()
            .map(|problem| problem.errors.into_iter().map(|error| error.code).collect())
            .unwrap_or_default()
    }

    #[test]
    fn each_fault_has_its_code() {
        for (text, expected) in [(" ", "missing"), ("abcd", "too_long"), ("a\0", "malformed")] {
            assert_eq!(codes(|fields| drop(fields.text("x", text, 3))), [expected], "{text:?}");
        }
        assert_eq!(codes(|fields| drop(fields.line("x", "a\nb", 9))), ["malformed"]);
        assert!(codes(|fields| assert_eq!(fields.text("x", " ä\r\nb ", 3), "ä\nb")).is_empty());
    }
}
