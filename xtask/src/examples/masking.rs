//! Masks for secrets in examples: tokens and keys of tests open nothing, but scanners and readers cannot know that.

use serde_json::Value;

/// Characters from which on a word without meaning is taken for a secret.
const SECRET: usize = 24;
/// Characters that are kept: they say of which kind it is.
const KEPT: usize = 4;
/// Characters from which on a secret is cut.
const LONG: usize = 80;

/// Masks every secret in a value.
pub fn mask(value: &mut Value) {
    match value {
        Value::String(text) => *text = masked(text),
        Value::Array(values) => values.iter_mut().for_each(mask),
        Value::Object(object) => object.values_mut().for_each(mask),
        _ => {}
    }
}

/// The text with `0`, `a` and `A` for the digits and letters of its secrets: an example stays as long as it was, and of
/// the same alphabet.
fn masked(text: &str) -> String {
    let is_in_word = |character: char| character.is_ascii_alphanumeric() || "-_".contains(character);
    let mut masked = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(is_in_word) {
        let length = rest[start..].find(|character| !is_in_word(character)).unwrap_or(rest.len() - start);
        masked.push_str(&rest[..start]);
        masked.push_str(&word(&rest[start..start + length]));
        rest = &rest[start + length..];
    }
    masked + rest
}

fn word(word: &str) -> String {
    if !is_secret(word) {
        return word.to_owned();
    }
    let hidden = word.chars().skip(KEPT).map(|character| match character {
        '0'..='9' => '0',
        'a'..='z' => 'a',
        'A'..='Z' => 'A',
        other => other,
    });
    let masked: String = word.chars().take(KEPT).chain(hidden).collect();
    if masked.len() > LONG { format!("{}…", &masked[..LONG]) } else { masked }
}

/// Long, of digits and letters mixed, and neither a UUID nor a digest in lower case.
fn is_secret(word: &str) -> bool {
    let has = |is: fn(u8) -> bool| word.bytes().any(is);
    let is_uuid = word.len() == 36 && word.split('-').map(str::len).eq([8, 4, 4, 4, 12]);
    let is_digest =
        [32, 64].contains(&word.len()) && word.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    word.len() >= SECRET
        && !is_uuid
        && !is_digest
        && has(|byte| byte.is_ascii_digit())
        && has(|byte| byte.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_masked_and_nothing_else() {
        let kept = [
            "01890a5d-ac96-774b-bcce-b302099a8057",
            "user:01890a5d-ac96-774b-bcce-b302099a8057",
            "2026-11-22T08:04:10.123456Z",
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "auth.inviteMembers, permission.listGrants",
            "https://app.example.com/members?sort=name",
        ];
        for text in kept {
            assert_eq!(masked(text), text);
        }
        assert_eq!(masked("K7PW-3XQA-9GTM-ZB4C-WH6D-JN2R-VY8E"), "K7PW-0AAA-0AAA-AA0A-AA0A-AA0A-AA0A");
        assert_eq!(masked("postgres://i:0f3a9c1b7d5e2f4a6b8c0d1e@db/i"), "postgres://i:0f3a0a0a0a0a0a0a0a0a0a0a@db/i");
        let token = format!("eyJh{}.e30.{}", "b1C".repeat(40), "d2E".repeat(9));
        let expected = format!("eyJh{}….e30.d2Ed0Aa0Aa0Aa0Aa0Aa0Aa0Aa0A", &"a0A".repeat(40)[..LONG - KEPT]);
        assert_eq!(masked(&token), expected);
    }
}
