//! Reading of a chain, in the order of its versions, which is that of the commits: a reader who follows the cursor
//! misses none that is committed later.

use crate::{
    model::{AuditEntry, AuditFilter},
    store,
};
use common::{
    db::TenantTx,
    page::{Page, PageRequest},
    problem::{FieldError, Problem},
};

/// Of a search, in characters.
const LONGEST_SEARCH: usize = 200;

/// What `q` asks for, as `websearch_to_tsquery` reads it. 422 for what is too long or has no word.
fn search(q: &str) -> Result<String, Problem> {
    let words = apart(q);
    let refused = |code, message: String| Err(FieldError::new("q", code, message).into());
    if q.chars().count() > LONGEST_SEARCH {
        return refused("too_long", format!("must have at most {LONGEST_SEARCH} characters"));
    }
    if !words.contains(char::is_alphanumeric) {
        return refused("missing", "must have a letter or a digit".to_owned());
    }
    Ok(words)
}

/// The search without the punctuation at which the words of entries fall apart; quotation marks and a `-` before a word
/// have a meaning.
fn apart(q: &str) -> String {
    let mut before = ' ';
    let kept = q.chars().map(|character| {
        let means = character == '"' || (character == '-' && before.is_whitespace());
        before = character;
        if character.is_alphanumeric() || means { character } else { ' ' }
    });
    kept.collect()
}

/// The next page of the transaction's tenant's chain. Complete: what this page has not read is behind its cursor.
///
/// # Errors
/// 422 for a search that is none.
pub async fn page(
    tx: &mut TenantTx,
    filter: &AuditFilter,
    request: PageRequest<i64>,
) -> Result<Page<AuditEntry>, Problem> {
    let search = filter.q.as_deref().map(search).transpose()?;
    let (found, read_up_to) = store::page(tx, filter, search.as_deref(), request).await?;
    if found.len() > request.limit as usize {
        return Ok(Page::cut(found, request, |entry| entry.version));
    }
    Ok(Page::up_to(found, read_up_to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_has_words() {
        for (asked, sent) in [
            ("session.opened -web", "session opened -web"),
            ("\"user:0189-ac96\" or b_c", "\"user 0189 ac96\" or b c"),
            ("Jos\u{e9}", "Jos\u{e9}"),
        ] {
            assert_eq!(search(asked).unwrap(), sent);
        }
        for refused in ["", " ", "-", "\"\"", "...", &"x".repeat(201)] {
            assert_eq!(search(refused).unwrap_err().status.as_u16(), 422, "{refused}");
        }
    }
}
