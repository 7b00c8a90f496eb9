//! Which credits pay. Pure.

use crate::credits::Credit;

/// What is taken of a credit.
#[derive(Debug, PartialEq)]
pub struct Part<'a> {
    pub credit: &'a Credit,
    pub amount: i64,
}

/// Takes `due` of the credits in their order, as far as they reach.
pub fn take(credits: &[Credit], mut due: i64) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    for credit in credits {
        let amount = credit.balance_minor.min(due);
        if amount > 0 {
            due -= amount;
            parts.push(Part { credit, amount });
        }
    }
    parts
}
