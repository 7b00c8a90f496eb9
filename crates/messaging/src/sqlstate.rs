//! Errors of PostgreSQL, sorted by whose fault they are: its surroundings', a race's, or the message's.
//!
//! <https://www.postgresql.org/docs/current/errcodes-appendix.html>

use crate::handler::Fault;
use common::problem::is_outage;

/// Serialization failure, deadlock, lock not available: another transaction was in the way.
const RACES: [&str; 3] = ["40001", "40P01", "55P03"];
/// Class of values that no column of that type takes, as a number out of range.
const DATA_EXCEPTION: &str = "22";
/// How the character U+0000 is refused in text and in JSON.
const NUL: [&str; 2] = ["22021", "22P05"];

impl From<sqlx::Error> for Fault {
    /// What is left over, violated constraints included, may be a message that came too early: it is tried again, a few
    /// times.
    fn from(error: sqlx::Error) -> Self {
        if is_outage(&error) {
            return Self::away(error);
        }
        match error.as_database_error().and_then(|error| error.code()).map(|code| code.into_owned()) {
            Some(code) if RACES.contains(&&*code) => Self::Contended(error.into()),
            Some(code) if NUL.contains(&&*code) => Self::permanent(format!(
                "a text holds the character U+0000, which PostgreSQL cannot store (SQLSTATE {code})"
            )),
            // PostgreSQL's own words may quote the value.
            Some(code) if code.starts_with(DATA_EXCEPTION) => {
                Self::permanent(format!("PostgreSQL cannot take a value of it (SQLSTATE {code})"))
            }
            _ => Self::retry(error),
        }
    }
}
