//! How is a long list read? In pages, each naming the next by a cursor; complete or an error, never silently cut.

use crate::problem::{FieldError, Problem};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

const LARGEST_PAGE: u32 = 200;
const DEFAULT_PAGE: u32 = 50;

/// `?limit=&cursor=`
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// Items a page, 1 to 200.
    #[param(default = 50, minimum = 1, maximum = 200)]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// One page of a list in the order of creation.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// A checked page request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PageRequest {
    pub limit: u32,
    /// Id after which the page begins; the nil UUID at the start.
    pub after: Uuid,
}

impl PageRequest {
    /// Rows to fetch: one more than shown tells whether there is a next page.
    pub fn fetch(&self) -> i64 {
        i64::from(self.limit) + 1
    }
}

impl PageQuery {
    /// Checks limit and cursor: 422 names the wrong one.
    pub fn check(&self) -> Result<PageRequest, Problem> {
        let limit = self.limit.unwrap_or(DEFAULT_PAGE);
        let mut errors = Vec::new();
        if !(1..=LARGEST_PAGE).contains(&limit) {
            errors.push(FieldError::new("limit", "out_of_range", format!("must be 1 to {LARGEST_PAGE}")));
        }
        let after = self.cursor.as_deref().map_or(Some(Uuid::nil()), decode);
        if after.is_none() {
            errors.push(FieldError::new("cursor", "malformed", "must be the next_cursor of a page"));
        }
        match after {
            Some(after) if errors.is_empty() => Ok(PageRequest { limit, after }),
            _ => Err(Problem::invalid(errors)),
        }
    }
}

impl<T> Page<T> {
    /// Makes a page of what [`PageRequest::fetch`] rows brought, ordered by the UUIDv7 that `id` reads.
    pub fn cut(mut items: Vec<T>, request: PageRequest, id: impl Fn(&T) -> Uuid) -> Self {
        let limit = request.limit as usize;
        let more = items.len() > limit;
        items.truncate(limit);
        let next_cursor = items.last().filter(|_| more).map(|last| URL_SAFE_NO_PAD.encode(id(last)));
        Self { items, next_cursor }
    }
}

fn decode(cursor: &str) -> Option<Uuid> {
    Uuid::from_slice(&URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_one_another_to_the_end() {
        let all: Vec<Uuid> = (1..=5).map(Uuid::from_u128).collect();
        let (mut seen, mut query) = (Vec::new(), PageQuery { limit: Some(2), cursor: None });
        loop {
            let request = query.check().unwrap();
            let rows = all.iter().copied().filter(|id| *id > request.after).take(request.fetch() as usize).collect();
            let page = Page::cut(rows, request, |id| *id);
            seen.extend(page.items);
            query.cursor = page.next_cursor;
            if query.cursor.is_none() {
                break;
            }
        }
        assert_eq!(seen, all);
    }

    #[test]
    fn both_faults_are_named() {
        let problem = PageQuery { limit: Some(0), cursor: Some("?".into()) }.check().unwrap_err();
        assert_eq!(problem.errors.iter().map(|e| e.field.as_str()).collect::<Vec<_>>(), ["limit", "cursor"]);
    }
}
