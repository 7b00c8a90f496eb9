//! Rules of a registration.

use crate::text::Fields;
use common::problem::Problem;
use serde::Deserialize;
use utoipa::ToSchema;

/// How long a session lives, in days.
pub const LIFETIME_DAYS: u32 = 30;
const LONGEST_NAME: usize = 40;
/// RFC 5321 §4.5.3.1.3, without the angle brackets.
const LONGEST_EMAIL: usize = 254;
/// NIST SP 800-63B §3.1.1.2 asks for fifteen where the password is all there is; a small forum asks for eight, its
/// minimum with a second factor.
const SHORTEST_PASSWORD: usize = 8;
/// Bounds the work of hashing.
const LONGEST_PASSWORD: usize = 200;

/// A registration as it comes in.
#[derive(Debug, Deserialize, ToSchema)]
pub struct Registration {
    #[schema(example = "Grace")]
    pub name: String,
    #[schema(example = "grace@example.com")]
    pub email: String,
    #[schema(example = "correct horse", min_length = 8, max_length = 200)]
    pub password: String,
}

impl Registration {
    /// The same, trimmed, if nothing is wrong with it.
    pub fn check(self) -> Result<Self, Problem> {
        let mut fields = Fields::default();
        let name = fields.line("name", &self.name, LONGEST_NAME);
        let email = fields.line("email", &self.email, LONGEST_EMAIL);
        if !email.is_empty() && !is_email(&email) {
            fields.wrong("email", "malformed", "must be an e-mail address");
        }
        let length = self.password.chars().count();
        if !(SHORTEST_PASSWORD..=LONGEST_PASSWORD).contains(&length) {
            let message = format!("must be {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters");
            fields.wrong("password", "length", &message);
        }
        fields.finish(Self { name, email, ..self })
    }
}

fn is_email(text: &str) -> bool {
    text.split_once('@').is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty() && !domain.contains('@'))
        && !text.contains(char::is_whitespace)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, email: &str, password: &str) -> Result<Registration, Vec<String>> {
        let registration = Registration { name: name.into(), email: email.into(), password: password.into() };
        registration.check().map_err(|problem| problem.errors.into_iter().map(|error| error.field).collect())
    }

    #[test]
    fn every_wrong_field_is_named() {
        assert_eq!(check(" ", "nobody", "short").unwrap_err(), ["name", "email", "password"]);
        for email in ["@x", "x@", "a@b@c", "a b@c"] {
            assert_eq!(check("G", email, "long enough").unwrap_err(), ["email"], "{email}");
        }
        assert_eq!(check(" Grace ", "grace@example.com", "long enough").unwrap().name, "Grace");
    }
}
