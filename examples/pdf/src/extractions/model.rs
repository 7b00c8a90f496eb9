//! Rules of orders.

use common::problem::{FieldError, Problem};
use serde::Deserialize;
use std::collections::BTreeSet;
use utoipa::ToSchema;
use uuid::Uuid;

/// Files of one order.
pub const MOST_AT_ONCE: usize = 1_000;

#[derive(Debug, Deserialize, ToSchema)]
pub struct NewExtractions {
    /// Each once is enough.
    #[schema(min_items = 1, max_items = 1000)]
    pub file_ids: Vec<Uuid>,
}

impl NewExtractions {
    /// The files, in the order in which everybody takes them, so that nobody waits for one who waits for them.
    pub fn check(&self) -> Result<Vec<Uuid>, Problem> {
        if !(1..=MOST_AT_ONCE).contains(&self.file_ids.len()) {
            let error = FieldError::new("file_ids", "out_of_range", "must be 1 to 1000 files");
            return Err(Problem::invalid(vec![error]));
        }
        Ok(self.file_ids.iter().copied().collect::<BTreeSet<_>>().into_iter().collect())
    }

    /// 422 that names the files which are not among `known`.
    pub fn unknown(&self, known: &[Uuid]) -> Problem {
        let known: BTreeSet<_> = known.iter().collect();
        let unknown = self.file_ids.iter().enumerate().filter(|(_, id)| !known.contains(id));
        let error =
            |(place, _)| FieldError::new(format!("file_ids[{place}]"), "unknown", "must be a file that is there");
        Problem::invalid(unknown.map(error).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_has_up_to_a_thousand_files_each_once_and_in_order() {
        let order =
            |numbers: &[u128]| NewExtractions { file_ids: numbers.iter().map(|n| Uuid::from_u128(*n)).collect() };
        assert_eq!(order(&[2, 1, 2]).check().unwrap(), [1, 2].map(Uuid::from_u128));
        assert!(order(&[]).check().is_err());
        assert!(order(&(0..1_001).collect::<Vec<_>>()).check().is_err());
        let problem = order(&[1, 2, 3]).unknown(&[Uuid::from_u128(2)]);
        let fields: Vec<_> = problem.errors.iter().map(|error| &*error.field).collect();
        assert_eq!(fields, ["file_ids[0]", "file_ids[2]"]);
    }
}
