//! Fingerprint of a fault: a short hash that dead letters of one cause have in common, whatever ids, numbers and values
//! their reasons quote.

use aws_lc_rs::digest::{SHA256, digest};

/// Bytes of the hash; as text twice as many characters.
const BYTES: usize = 6;
/// What stands for a value, an id or a number.
const PLACEHOLDER: &str = "#";
/// PostgreSQL's codes say which fault it was, though they have digits.
const CODE_FOLLOWS: &str = "SQLSTATE";

/// 12 hexadecimal digits: the same for the same queue, type of message and kind of reason, on every machine.
pub(crate) fn of(queue: &str, kind: &str, reason: &str) -> String {
    let hash = digest(&SHA256, format!("{queue}\n{kind}\n{}", shape(reason)).as_bytes());
    hash.as_ref()[..BYTES].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The reason without what differs from message to message: quoted texts, and words that have a digit or an `@`.
pub(crate) fn shape(reason: &str) -> String {
    let (mut shape, mut rest) = (String::new(), reason);
    while let Some(first) = rest.chars().next() {
        let end = match first {
            // An apostrophe within a word quotes nothing.
            '"' | '`' | '\'' if !shape.ends_with(char::is_alphanumeric) => quoted(rest, first),
            _ if is_word(first) => rest.find(|c| !is_word(c)).unwrap_or(rest.len()),
            _ => 0,
        };
        let word = &rest[..end];
        let differs = !is_word(first) || word.contains(|c: char| c.is_ascii_digit() || c == '@');
        if end == 0 {
            shape.push(first);
            rest = &rest[first.len_utf8()..];
            continue;
        }
        let is_code = shape.trim_end().ends_with(CODE_FOLLOWS);
        shape.push_str(if differs && !is_code { PLACEHOLDER } else { word });
        rest = &rest[end..];
    }
    shape
}

/// Where the text in these quotes ends; 0 if it never does. A quote behind a backslash is one of the text's own.
fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        if c == quote && !escaped {
            return at + 1;
        }
        escaped = c == '\\' && !escaped;
    }
    0
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | ':' | '/' | '@' | '+')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_from_message_to_message_is_left_out() {
        for (reason, expected) in [
            ("no tenant 01890a5d-ac96-774b-bcce-b302099a8057 is known", "no tenant # is known"),
            ("the key 'posts:1' was used", "the key # was used"),
            ("missing field `a` at line 1 column 9", "missing field # at line # column #"),
            ("invalid type: string \"it's\", expected u32", "invalid type: string #, expected #"),
            ("it isn't there, is it? don't", "it isn't there, is it? don't"),
            ("an open ' quote", "an open ' quote"),
            (r#"unknown field "a\"Ada's", expected b"#, "unknown field #, expected b"),
            (r#"a path "C:\\" is there"#, "a path # is there"),
            ("a value (SQLSTATE 22P02)", "a value (SQLSTATE 22P02)"),
            ("ärger 7", "ärger #"),
            ("ada@acme.test has no box", "# has no box"),
            ("", ""),
        ] {
            assert_eq!(shape(reason), expected);
        }
    }

    #[test]
    fn a_cause_has_the_same_fingerprint_everywhere() {
        let one = of("billing", "usage.recorded.v1", "the key 'a' was used");
        assert_eq!(one, of("billing", "usage.recorded.v1", "the key 'b' was used"));
        assert_ne!(one, of("mailer", "usage.recorded.v1", "the key 'a' was used"));
        assert_ne!(one, of("billing", "usage.recorded.v1", "the key 'a' was lost"));
        assert_eq!(one, "92f792fe75a4");
    }
}
