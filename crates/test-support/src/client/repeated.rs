//! A request that is sent twice, as after an answer that was lost.

use super::{TestAnswer, TestRequest};

/// Headers that belong to what was made, and not to the request.
const SAME: [&str; 5] = ["content-type", "location", "etag", "cache-control", "x-version"];

impl TestRequest {
    /// Sends it twice with one `Idempotency-Key` of its own, and gives the first answer. The second must be the same
    /// again; a refusal is not repeated.
    pub async fn repeated(self) -> TestAnswer {
        let request = self.header("idempotency-key", &format!("test-{}", common::ambient::Ambient::system().uuid()));
        let builder = request.builder.try_clone().expect("a body in memory");
        let again = Self { builder, document: request.document.clone() };
        let first = request.send().await;
        assert!(first.status != 201 || first.header("location").is_some(), "where is it? {}", first.text);
        if first.status < 300 {
            first.assert_repeated_by(&again.send().await);
        }
        first
    }
}

impl TestAnswer {
    /// Asserts that `second` is this answer once more, and says so.
    #[track_caller]
    pub fn assert_repeated_by(&self, second: &Self) {
        let of = |answer: &Self| SAME.map(|name| answer.header(name).map(str::to_owned));
        assert_eq!((self.status, &self.text, of(self)), (second.status, &second.text, of(second)));
        let replayed = [self, second].map(|answer| answer.header("idempotency-replayed"));
        assert_eq!(replayed, [None, Some("true")], "{}", self.text);
    }
}
