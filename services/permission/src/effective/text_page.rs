//! How is a list read that is ordered by a text? In pages whose cursor wraps the last text.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use common::{
    page::{Page, PageQuery},
    problem::{FieldError, Problem},
};

/// A checked page request.
pub struct TextPage {
    pub limit: usize,
    /// Text after which the page begins; empty at the start.
    pub after: String,
}

impl TextPage {
    pub fn check(query: PageQuery) -> Result<Self, Problem> {
        let PageQuery { limit, cursor } = query;
        let limit = PageQuery { limit, cursor: None }.check()?.limit as usize;
        let decode = |cursor: String| {
            String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok().filter(|text| !text.contains('\0'))
        };
        let after = cursor.map_or(Some(String::new()), decode);
        let malformed =
            || Problem::invalid(vec![FieldError::new("cursor", "malformed", "must be the next_cursor of a page")]);
        Ok(Self { limit, after: after.ok_or_else(malformed)? })
    }

    /// A page, after which the list goes on behind `next`.
    pub fn page<T>(items: Vec<T>, next: Option<&str>) -> Page<T> {
        Page { items, next_cursor: next.map(|text| URL_SAFE_NO_PAD.encode(text)) }
    }
}
