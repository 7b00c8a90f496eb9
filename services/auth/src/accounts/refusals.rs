//! Refusals of people who are not who they say, or not where they say.

use crate::factors::authentication::is_by_provider;
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

/// 403 for a session, by its methods, that only its tenant's identity provider has vouched for. For whatever reaches
/// beyond that tenant and is asked for by a refresh token; by an access token it is `logged_in`.
pub fn refuse_by_provider(amr: &[String]) -> Result<(), Problem> {
    if is_by_provider(amr) {
        let detail = "You are signed in by your tenant's identity provider, which speaks for that tenant only: log in.";
        return Err(Problem::forbidden("personal_session_required", detail));
    }
    Ok(())
}
