//! Rules of topics and posts.

use crate::text::Fields;
use common::problem::Problem;
use serde::Deserialize;
use utoipa::ToSchema;

const LONGEST_TITLE: usize = 120;
const LONGEST_BODY: usize = 10_000;

/// A topic as it comes in; its body becomes its first post.
#[derive(Clone, Deserialize, ToSchema)]
pub struct NewTopic {
    #[schema(example = "Which kettle?", max_length = 120)]
    pub title: String,
    #[schema(example = "Mine is broken.", max_length = 10000)]
    pub body: String,
}

#[derive(Clone, Deserialize, ToSchema)]
pub struct NewPost {
    #[schema(example = "Take the red one.", max_length = 10000)]
    pub body: String,
}

impl NewTopic {
    pub fn check(&self) -> Result<Self, Problem> {
        let mut fields = Fields::default();
        let checked = Self {
            title: fields.line("title", &self.title, LONGEST_TITLE),
            body: fields.text("body", &self.body, LONGEST_BODY),
        };
        fields.finish(checked)
    }
}

impl NewPost {
    pub fn check(&self) -> Result<Self, Problem> {
        let mut fields = Fields::default();
        let checked = Self { body: fields.text("body", &self.body, LONGEST_BODY) };
        fields.finish(checked)
    }
}
