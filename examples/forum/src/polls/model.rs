//! Rules of polls.

use crate::text::Fields;
use common::problem::Problem;
use serde::Deserialize;
use std::ops::RangeInclusive;
use utoipa::ToSchema;

const LONGEST_QUESTION: usize = 200;
const LONGEST_OPTION: usize = 80;
/// More would not be read.
const OPTIONS: RangeInclusive<usize> = 2..=10;

#[derive(Clone, Debug, Deserialize, PartialEq, ToSchema)]
pub struct NewPoll {
    #[schema(example = "Tea or coffee?", max_length = 200)]
    pub question: String,
    #[schema(example = json!(["Tea", "Coffee"]), min_items = 2, max_items = 10)]
    pub options: Vec<String>,
}

impl NewPoll {
    pub fn check(&self) -> Result<Self, Problem> {
        let mut fields = Fields::default();
        let question = fields.line("question", &self.question, LONGEST_QUESTION);
        if !OPTIONS.contains(&self.options.len()) {
            fields.wrong("options", "count", &format!("must be {} to {}", OPTIONS.start(), OPTIONS.end()));
            return fields.finish(self.clone());
        }
        let options: Vec<_> = self
            .options
            .iter()
            .enumerate()
            .map(|(index, option)| fields.line(&format!("options[{index}]"), option, LONGEST_OPTION))
            .collect();
        for (index, option) in options.iter().enumerate() {
            if !option.is_empty() && options[..index].contains(option) {
                fields.wrong(&format!("options[{index}]"), "repeated", "is there already");
            }
        }
        fields.finish(Self { question, options })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(question: &str, options: &[&str]) -> Vec<String> {
        let poll =
            NewPoll { question: question.into(), options: options.iter().map(|option| (*option).to_owned()).collect() };
        poll.check()
            .err()
            .map(|problem| problem.errors.into_iter().map(|error| error.field).collect())
            .unwrap_or_default()
    }

    #[test]
    fn every_wrong_field_is_named() {
        assert_eq!(wrong("", &["a"]), ["question", "options"]);
        assert_eq!(wrong("?", &["a", " ", "a"]), ["options[1]", "options[2]"]);
        assert!(wrong("?", &["a", "b"]).is_empty());
    }
}
