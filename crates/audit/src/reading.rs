//! Reading of a chain, in the order of its versions, which is that of the commits: a reader who follows the cursor
//! misses none that is committed later.

use crate::store;
use chrono::{DateTime, Utc};
use common::{
    db::TenantTx,
    instant,
    page::{Page, PageRequest},
    problem::{FieldError, Problem},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

/// Entries that one page reads; what it finds among them may be fewer than a page has, or none, and then its cursor
/// leads on.
pub const READ_AT_ONCE: i64 = 10_000;
/// Of a search, in characters.
const LONGEST_SEARCH: usize = 200;

/// One change.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditEntry {
    /// Its place in the chain; there are no gaps.
    pub version: i64,
    pub at: DateTime<Utc>,
    /// `user:<uuid>` or `client:<id>`; `operator` for a command, `anonymous` for whoever has a link that was mailed.
    pub actor: String,
    #[schema(example = "grant.created")]
    pub action: String,
    pub target: String,
    /// From where: request, session, client and address, as far as they are known.
    #[schema(value_type = Object)]
    pub origin: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub before: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub after: Option<Value>,
    /// SHA-256 over this entry and the hash of the one before, in hexadecimal digits.
    pub hash: String,
}

/// Which entries are meant; filters are combined.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AuditFilter {
    /// Words that all stand somewhere in the entry, in any case; `"a phrase"`, `or`, and `-` before a word that does
    /// not.
    #[param(min_length = 1, max_length = 200)]
    pub q: Option<String>,
    /// Who did it: `user:<uuid>`, `client:<id>`, `operator` or `anonymous`.
    pub actor: Option<String>,
    /// What was done, such as `grant.created`.
    pub action: Option<String>,
    /// What it was done to, such as `role:<id>`.
    pub target: Option<String>,
    /// Whom or what it is about: the target, or a principal, role, name or permission in the entry's states before or
    /// after.
    pub about: Option<String>,
    /// From this instant on.
    #[serde(default, deserialize_with = "instant::optional")]
    pub since: Option<DateTime<Utc>>,
    /// Before this instant.
    #[serde(default, deserialize_with = "instant::optional")]
    pub until: Option<DateTime<Utc>>,
}

impl AuditFilter {
    /// What [`AuditFilter::q`] asks for, as `websearch_to_tsquery` reads it. 422 for what is too long or has no word.
    fn search(&self) -> Result<Option<String>, Problem> {
        let Some(q) = &self.q else { return Ok(None) };
        let words = apart(q);
        let refused = |code, message: String| Err(FieldError::new("q", code, message).into());
        if q.chars().count() > LONGEST_SEARCH {
            return refused("too_long", format!("must have at most {LONGEST_SEARCH} characters"));
        }
        if !words.contains(char::is_alphanumeric) {
            return refused("missing", "must have a letter or a digit".to_owned());
        }
        Ok(Some(words))
    }
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
    let search = filter.search()?;
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
        let read = |q: &str| AuditFilter { q: Some(q.to_owned()), ..AuditFilter::default() }.search();
        for (asked, sent) in [
            ("session.opened -web", "session opened -web"),
            ("\"user:0189-ac96\" or b_c", "\"user 0189 ac96\" or b c"),
            ("Jos\u{e9}", "Jos\u{e9}"),
        ] {
            assert_eq!(read(asked).unwrap().as_deref(), Some(sent));
        }
        for refused in ["", " ", "-", "\"\"", "...", &"x".repeat(201)] {
            assert_eq!(read(refused).unwrap_err().status.as_u16(), 422, "{refused}");
        }
        assert!(AuditFilter::default().search().unwrap().is_none());
    }
}
