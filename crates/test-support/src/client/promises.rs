//! What every answer promises, whichever operation gave it; looked at in each test.

use super::TestAnswer;

impl TestAnswer {
    #[track_caller]
    pub(super) fn keeps_its_promises(&self) {
        let is_problem = self.header("content-type") == Some("application/problem+json");
        let missing = |names: &[&str]| {
            let missing: Vec<_> =
                names.iter().filter(|name| self.header(name).is_none()).map(|name| (*name).to_owned()).collect();
            assert!(missing.is_empty(), "{} lacks {missing:?}: {}", self.status, self.text);
        };
        match self.status {
            429 if is_problem => missing(&["retry-after", "ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"]),
            503 if is_problem => missing(&["retry-after"]),
            _ => {}
        }
        if let Some(cursor) = self.json["next_cursor"].as_str() {
            let link = self.header("link").unwrap_or_default();
            assert!(link.contains(cursor) && link.ends_with("; rel=\"next\""), "Link is '{link}': {}", self.text);
        }
    }
}
