//! Pages of long lists, each naming the next by a cursor; complete or an error, never silently cut.

use crate::problem::{FieldError, Problem};
use axum::{
    Extension,
    response::{IntoResponse, Response},
};
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

/// The cursor of the page behind the one that an answer has. As an extension of the answer it becomes its `Link`.
#[derive(Clone, Debug)]
pub struct NextCursor(pub String);

impl<T: Serialize> IntoResponse for Page<T> {
    fn into_response(self) -> Response {
        let next = self.next_cursor.clone().map(|cursor| Extension(NextCursor(cursor)));
        (next, axum::Json(self)).into_response()
    }
}

/// What a list is ordered by, and where a page of it begins. The default stands before every key.
pub trait Key: Default {
    fn to_bytes(&self) -> Vec<u8>;

    /// `None` for bytes that no key has.
    fn from_bytes(bytes: Vec<u8>) -> Option<Self>;
}

/// Ids in the order of creation (UUIDv7).
impl Key for Uuid {
    fn to_bytes(&self) -> Vec<u8> {
        self.as_bytes().to_vec()
    }

    fn from_bytes(bytes: Vec<u8>) -> Option<Self> {
        Self::from_slice(&bytes).ok()
    }
}

/// Names in the order of their bytes.
impl Key for String {
    fn to_bytes(&self) -> Vec<u8> {
        self.as_bytes().to_vec()
    }

    /// PostgreSQL has no text with a NUL in it.
    fn from_bytes(bytes: Vec<u8>) -> Option<Self> {
        Self::from_utf8(bytes).ok().filter(|text| !text.contains('\0'))
    }
}

/// Versions, of which there is none below 1.
impl Key for i64 {
    fn to_bytes(&self) -> Vec<u8> {
        self.to_be_bytes().to_vec()
    }

    fn from_bytes(bytes: Vec<u8>) -> Option<Self> {
        Some(Self::from_be_bytes(bytes.try_into().ok()?))
    }
}

/// A checked page request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PageRequest<K = Uuid> {
    pub limit: u32,
    /// The key after which the page begins.
    pub after: K,
}

impl<K> PageRequest<K> {
    /// Rows to fetch: one more than shown tells whether there is a next page.
    pub fn fetch(&self) -> i64 {
        i64::from(self.limit) + 1
    }
}

impl PageQuery {
    /// Checks limit and cursor: 422 names the wrong one.
    pub fn check<K: Key>(&self) -> Result<PageRequest<K>, Problem> {
        let limit = self.limit.unwrap_or(DEFAULT_PAGE);
        let mut errors = Vec::new();
        if !(1..=LARGEST_PAGE).contains(&limit) {
            errors.push(FieldError::new("limit", "out_of_range", format!("must be 1 to {LARGEST_PAGE}")));
        }
        let decode = |cursor: &str| K::from_bytes(URL_SAFE_NO_PAD.decode(cursor).ok()?);
        let after = self.cursor.as_deref().map_or_else(|| Some(K::default()), decode);
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
    /// Makes a page of what [`PageRequest::fetch`] rows brought, in the order of what `key` reads.
    pub fn cut<K: Key>(mut items: Vec<T>, request: PageRequest<K>, key: impl Fn(&T) -> K) -> Self {
        let limit = request.limit as usize;
        let more = items.len() > limit;
        items.truncate(limit);
        let next = items.last().filter(|_| more).map(key);
        Self::up_to(items, next)
    }

    /// A page after which the list goes on behind `next`, if there is more of it.
    pub fn up_to<K: Key>(items: Vec<T>, next: Option<K>) -> Self {
        Self { items, next_cursor: next.map(|key| URL_SAFE_NO_PAD.encode(key.to_bytes())) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_one_another_to_the_end() {
        let all: Vec<Uuid> = (1..=5).map(Uuid::from_u128).collect();
        let (mut seen, mut query) = (Vec::new(), PageQuery { limit: Some(2), cursor: None });
        loop {
            let request: PageRequest = query.check().unwrap();
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
    fn a_cursor_leads_back_to_its_key_whatever_that_is() {
        fn back<K: Key + Clone + PartialEq + std::fmt::Debug>(key: K) {
            let page = Page::up_to(vec![()], Some(key.clone()));
            let query = PageQuery { limit: None, cursor: page.next_cursor };
            assert_eq!(query.check::<K>().unwrap().after, key);
        }
        back("user:\u{e9}".to_owned());
        back(7_i64);
        back(Uuid::from_u128(7));
    }

    #[test]
    fn both_faults_are_named() {
        let problem = PageQuery { limit: Some(0), cursor: Some("?".into()) }.check::<Uuid>().unwrap_err();
        assert_eq!(problem.errors.iter().map(|e| e.field.as_str()).collect::<Vec<_>>(), ["limit", "cursor"]);
    }
}
