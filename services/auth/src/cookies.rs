//! Cookies that browsers send back (RFC 6265 §5.4).

use axum::http::{HeaderMap, header};

/// The value of the first cookie of that name; an empty one counts as none.
pub fn find<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(own, value)| *own == name && !value.is_empty()).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_found_by_its_whole_name() {
        let headers = HeaderMap::from_iter([(header::COOKIE, "xa=1; a=; a=2;b=3=4".parse().unwrap())]);
        let found = ["a", "b", "xa", "x"].map(|name| find(&headers, name));
        assert_eq!(found, [Some("2"), Some("3=4"), Some("1"), None]);
    }
}
