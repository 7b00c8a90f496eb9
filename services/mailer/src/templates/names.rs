//! The filter that shows names of people and tenants in mails: short and plain, as they are a stranger's words under
//! our sender address.

/// In characters; a name that is longer says something.
const LONGEST: usize = 40;
/// What is left of a name that had nothing else.
const NOTHING_LEFT: &str = "…";
/// What host names take for a dot (UTS #46 §4, table of mappings), what becomes one in Unicode's compatibility forms
/// (UAX #15), and what only looks like one to people (UTS #39, confusables).
fn is_dot(character: char) -> bool {
    matches!(character,
        '.' | '\u{3002}' | '\u{ff0e}' | '\u{ff61}' | '\u{fe52}' | '\u{2024}'..='\u{2026}' | '\u{2488}'..='\u{249b}'
        | '\u{fe12}' | '\u{fe19}' | '\u{fe30}' | '\u{1f100}' | '\u{6d4}' | '\u{701}'..='\u{702}' | '\u{a4f8}'
        | '\u{a60e}' | '\u{10a50}' | '\u{1d16d}')
}

/// The filter `display_name`: one line of at most 40 characters without addresses of pages, host names, mail addresses,
/// and invisible or direction-changing characters.
pub fn display_name(name: &str) -> String {
    let visible: String = name.chars().filter_map(plain).collect();
    let words = visible
        .split_whitespace()
        .filter(|word| !word.contains("://"))
        .map(without_hosts)
        .collect::<Vec<_>>()
        .join(" ");
    let line = words.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(LONGEST) {
        _ if line.is_empty() => NOTHING_LEFT.to_owned(),
        Some(_) => line.chars().take(LONGEST - 1).chain(['…']).collect(),
        None => line,
    }
}

/// Blanks for line breaks and the like; nothing for what nobody sees.
fn plain(character: char) -> Option<char> {
    match character {
        '\t' | '\n' | '\r' | '\u{2028}' | '\u{2029}' => Some(' '),
        _ if character.is_control() || is_invisible(character) => None,
        _ => Some(character),
    }
}

/// Format characters (Unicode's general category Cf), of which those that change the direction are some, and fillers.
fn is_invisible(character: char) -> bool {
    matches!(character,
        '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{890}'..='\u{891}'
        | '\u{8e2}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{110bd}' | '\u{110cd}'
        | '\u{13430}'..='\u{1343f}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}')
}

/// A dot between two letters or digits becomes a blank, as does every `@`: mail programs make links of such words.
fn without_hosts(word: &str) -> String {
    let characters: Vec<char> = word.chars().collect();
    let is_part =
        |at: Option<usize>| at.and_then(|at| characters.get(at)).is_some_and(|character| character.is_alphanumeric());
    let hidden = |(at, character): (usize, &char)| match *character {
        '@' | '＠' => ' ',
        dot if is_dot(dot) && is_part(at.checked_sub(1)) && is_part(at.checked_add(1)) => ' ',
        other => other,
    };
    characters.iter().enumerate().map(hidden).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_as_they_are() {
        for name in [
            "Ada Lovelace",
            "J. R. R. Tolkien",
            "Novo Nordisk A/S",
            "Müller & Söhne",
            "O'Brien",
            "Acme Inc.",
            "株式会社セブン",
            "שלום",
            "No. 5",
        ] {
            assert_eq!(display_name(name), name);
        }
    }

    #[test]
    fn what_leads_somewhere_does_not_any_more() {
        for (name, shown) in [
            ("Win at evil.example/now", "Win at evil example/now"),
            ("https://evil.example/x Bank", "Bank"),
            ("HTTPS://evil.example", "…"),
            ("evil。example", "evil example"),
            ("evil．example and 192.0.2.1", "evil example and 192 0 2 1"),
            ("ada@evil.example", "ada evil example"),
            ("evil\u{2024}com and evil\u{a4f8}com", "evil com and evil com"),
            ("evil\u{2488}com", "evil com"),
            ("ev\u{200b}il.exam\u{ad}ple", "evil example"),
            ("пример.рф", "пример рф"),
            ("Bob\r\nBcc: eve", "Bob Bcc: eve"),
            ("Acme\u{202e}moc.live", "Acmemoc live"),
            (" \u{2066} \u{2069} ", "…"),
        ] {
            assert_eq!(display_name(name), shown, "{name:?}");
        }
    }

    #[test]
    fn a_story_is_cut() {
        let shown = display_name(&"é".repeat(41));
        assert_eq!((shown.chars().count(), shown.ends_with('…')), (40, true));
        assert_eq!(display_name(&"é".repeat(40)), "é".repeat(40));
    }
}
