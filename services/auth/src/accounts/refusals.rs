//! Refusals of people who are not who they say, or not where they say.

use common::problem::Problem;

/// The same for a wrong password, an unknown address, and one that is not confirmed: whoever registers an address that
/// they cannot read must not learn whether it has an account.
pub fn credentials_wrong() -> Problem {
    Problem::unauthorized(
        "credentials_wrong",
        "The e-mail address or the password is wrong, or the address is not confirmed yet: then open the link in the \
         mail.",
    )
}

pub fn not_a_member() -> Problem {
    Problem::forbidden("not_a_member", "You do not belong to that tenant.")
}
