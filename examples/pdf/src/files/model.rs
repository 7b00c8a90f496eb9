//! Rules of files.

use crate::command::LARGEST_FILE;
use common::problem::{FieldError, Problem};
use contracts::object_key::ObjectKey;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use utoipa::ToSchema;
use uuid::Uuid;

/// Files of an instance.
pub const MOST_FILES: i64 = 20_000;
/// From the announcement of a file until the upload begins.
pub const UPLOAD_WITHIN: Duration = Duration::from_secs(15 * 60);
/// Characters of a name, as in the table.
const LONGEST_NAME: usize = 200;

#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct NewFile {
    #[schema(example = "invoice.pdf", min_length = 1, max_length = 200)]
    pub name: String,
    /// Its size; the upload must have as many.
    #[schema(example = 48213, minimum = 1, maximum = 33_554_432)]
    pub bytes: u64,
}

impl NewFile {
    /// 422 names what is wrong.
    pub fn check(&self) -> Result<Self, Problem> {
        let (name, mut errors) = (self.name.trim(), Vec::new());
        if !(1..=LONGEST_NAME).contains(&name.chars().count()) || name.contains(char::is_control) {
            errors.push(FieldError::new("name", "malformed", "must be one line of 1 to 200 characters"));
        }
        if !(1..=LARGEST_FILE).contains(&self.bytes) {
            errors.push(FieldError::new("bytes", "out_of_range", format!("must be 1 to {LARGEST_FILE}")));
        }
        if errors.is_empty() {
            Ok(Self { name: name.into(), bytes: self.bytes })
        } else {
            Err(Problem::invalid(errors))
        }
    }
}

/// Where the file with this id is, below the instance's prefix.
pub fn key(file: Uuid) -> Result<ObjectKey, Problem> {
    format!("files/{file}").parse().map_err(|error| Problem::internal(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_sizes_are_checked() {
        let check = |name: &str, bytes| NewFile { name: name.into(), bytes }.check();
        assert_eq!(check(" a.pdf ", 1).unwrap().name, "a.pdf");
        let fields = |problem: Problem| problem.errors.into_iter().map(|error| error.field).collect::<Vec<_>>();
        assert_eq!(fields(check(" ", 0).unwrap_err()), ["name", "bytes"]);
        assert_eq!(fields(check("a\0.pdf", LARGEST_FILE + 1).unwrap_err()), ["name", "bytes"]);
        assert_eq!(fields(check(&"x".repeat(201), LARGEST_FILE).unwrap_err()), ["name"]);
    }
}
