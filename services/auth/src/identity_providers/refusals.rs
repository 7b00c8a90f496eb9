//! Refusals of sign-ins at a provider, in a person's words. Where it is the provider's fault, they say so to whoever runs
//! it.

use super::outbound::Fault;
use axum::http::StatusCode;
use common::problem::{Chain, Problem};

/// Seconds.
const RETRY_AFTER_PROVIDER: u32 = 10;

pub fn no_such_provider() -> Problem {
    Problem::not_found("identity_provider_not_found", "There is no such identity provider, or nobody signs in by it.")
}

/// Which of these it was, only the browser's owner could say.
pub fn over() -> Problem {
    Problem::gone(
        "identity_sign_in_over",
        "This sign-in took too long, is over already, or was begun in another browser. Begin again.",
    )
}

pub fn faulty(fault: &Fault) -> Problem {
    tracing::info!(error = %Chain(fault), "A sign-in at an identity provider was not completed");
    match fault {
        fault if fault.passes() => unavailable(),
        Fault::Refused(word) => invalid(&format!("it has refused what it was shown by us ({word})")),
        Fault::Unsound(what) => invalid(what),
        _ => invalid("it cannot be read"),
    }
}

/// Nothing is used up: the same page may be loaded again.
pub fn unavailable() -> Problem {
    let detail = "Your identity provider cannot be reached right now. Load this page again in a moment.";
    Problem { code: "identity_provider_unavailable".into(), ..Problem::unavailable(RETRY_AFTER_PROVIDER, detail) }
}

pub fn invalid(what: &str) -> Problem {
    let detail = format!("What your identity provider has answered cannot be accepted: {what}. Tell whoever runs it.");
    Problem::new(StatusCode::BAD_GATEWAY, "identity_provider_invalid", detail)
}

/// The provider's own `error`, in its words.
pub fn declined(error: &str, description: Option<&str>) -> Problem {
    let said = description.map_or_else(|| error.to_owned(), |description| format!("{error}: {description}"));
    Problem::forbidden(
        "identity_provider_declined",
        format!("Your identity provider did not sign you in. It says: {said}"),
    )
}

pub fn address_unverified() -> Problem {
    Problem::forbidden(
        "address_unverified",
        "Your identity provider does not say that it has verified your e-mail address, so nobody knows here who you are.",
    )
}

pub fn known_otherwise() -> Problem {
    Problem::conflict(
        "identity_known_otherwise",
        "Your identity provider knows the member of that address by another name (sub), so you may be somebody else.",
    )
}

pub fn one_factor() -> Problem {
    Problem::forbidden(
        "second_factor_required",
        "The tenant demands a second factor, and your identity provider does not say that you have shown one there.",
    )
}
