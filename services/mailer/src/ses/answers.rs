//! SES's answers to one call: did the mail leave, and who can do something about it?
//!
//! What SendEmail can answer: <https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html>; what every
//! action can: <https://docs.aws.amazon.com/ses/latest/APIReference-V2/CommonErrors.html>. An answer that is an error
//! means that SES "does not send the email"
//! (<https://docs.aws.amazon.com/ses/latest/dg/troubleshoot-error-messages.html>).

use Verdict::{Final, Ours, Passing, Unknown};

/// What an answer means for the mail, and for those behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It did not leave, and the reason passes by itself: all mail waits a little.
    Passing,
    /// It did not leave, and nothing will until somebody mends what is ours: all mail waits, and we say so.
    Ours,
    /// It did not leave, and whether others would is not said: this mail waits, others go.
    Held,
    /// SES takes no such mail.
    Final,
    /// It may have left.
    Unknown,
}

/// Codes, without the `Exception` that some of them end with.
const CODES: &[(&str, Verdict)] = &[
    // Too fast, too many, or a bad moment of SES.
    ("TooManyRequests", Passing),
    ("LimitExceeded", Passing),
    ("Throttling", Passing),
    ("RequestThrottled", Passing),
    ("RequestLimitExceeded", Passing),
    ("ServiceUnavailable", Passing),
    ("InternalFailure", Passing),
    ("InternalServer", Passing),
    ("InternalServerError", Passing),
    ("InternalServiceError", Passing),
    ("InternalError", Passing),
    ("ConcurrentModification", Passing),
    // SES waited in vain for the rest of our request.
    ("RequestTimeout", Passing),
    // The account.
    ("AccountSuspended", Ours),
    ("SendingPaused", Ours),
    ("AccountSendingPaused", Ours),
    ("ConfigurationSetSendingPaused", Ours),
    ("OptInRequired", Ours),
    // What `mailer bootstrap` makes.
    ("MailFromDomainNotVerified", Ours),
    ("NotFound", Ours),
    ("ConfigurationSetDoesNotExist", Ours),
    // Rights, credentials and clocks.
    ("AccessDenied", Ours),
    ("NotAuthorized", Ours),
    ("ExpiredToken", Ours),
    ("UnrecognizedClient", Ours),
    ("InvalidClientTokenId", Ours),
    ("MissingAuthenticationToken", Ours),
    ("IncompleteSignature", Ours),
    ("InvalidSignature", Ours),
    ("SignatureDoesNotMatch", Ours),
    ("RequestExpired", Ours),
    ("RequestTimeTooSkewed", Ours),
    // Something between us and SES, or an endpoint that is not SES.
    ("MalformedHttpRequest", Ours),
    ("UnknownOperation", Ours),
    ("InvalidAction", Ours),
    // This mail.
    ("Validation", Final),
    ("ValidationError", Final),
    ("InvalidParameterValue", Final),
    ("InvalidParameterCombination", Final),
    ("RequestEntityTooLarge", Final),
    // "The request was aborted before a reply was sent back."
    ("RequestAborted", Unknown),
];

/// Begins the text of `MessageRejected` when the sender, or in the sandbox the recipient, is not known to SES as ours.
const NOT_VERIFIED: &str = "Email address is not verified";
/// What `BadRequestException` names if all mail would get it.
const OF_ALL_MAIL: [&str; 4] = ["from address", "fromemailaddress", "sender", "configuration set"];

/// What SES, or something before it, answered.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    pub status: u16,
    /// Absent if the answer is not SES's, such as a proxy's page.
    pub code: Option<&'a str>,
    pub message: &'a str,
    pub recipient: &'a str,
}

impl Answer<'_> {
    pub fn verdict(&self) -> Verdict {
        let Some(code) = self.code else { return self.of_a_stranger() };
        let code = code.strip_suffix("Exception").unwrap_or(code);
        match CODES.iter().find(|(known, _)| *known == code) {
            Some((_, verdict)) => *verdict,
            None if code == "MessageRejected" => self.of_a_rejection(),
            None if code == "BadRequest" => self.of_a_bad_request(),
            None => self.of_an_unknown_code(),
        }
    }

    /// "The following identities failed the check in region EU-CENTRAL-1: a@acme.test, b@acme.test"
    fn of_a_rejection(&self) -> Verdict {
        if !self.message.contains(NOT_VERIFIED) {
            return Verdict::Final;
        }
        match self.message.rsplit_once(": ") {
            Some((_, failed)) if failed.trim().eq_ignore_ascii_case(self.recipient) => Verdict::Held,
            _ => Verdict::Ours,
        }
    }

    fn of_a_bad_request(&self) -> Verdict {
        let message = self.message.to_ascii_lowercase();
        if OF_ALL_MAIL.iter().any(|named| message.contains(named)) { Verdict::Ours } else { Verdict::Final }
    }

    fn of_an_unknown_code(&self) -> Verdict {
        if self.status == 429 || self.status >= 500 { Verdict::Passing } else { Verdict::Held }
    }

    fn of_a_stranger(&self) -> Verdict {
        match self.status {
            408 | 429 | 503 => Verdict::Passing,
            401 | 403 | 404 | 407 => Verdict::Ours,
            413 => Verdict::Final,
            400..500 => Verdict::Held,
            // It may have handed our call on.
            _ => Verdict::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADA: &str = "ada@acme.test";

    fn verdict(status: u16, code: Option<&str>, message: &str) -> Verdict {
        Answer { status, code, message, recipient: ADA }.verdict()
    }

    /// Every code of the two documents, as they write it.
    #[test]
    fn what_ses_can_answer() {
        for (status, code, expected) in [
            (400, "AccountSuspendedException", Ours),
            (400, "LimitExceededException", Passing),
            (400, "MailFromDomainNotVerifiedException", Ours),
            (404, "NotFoundException", Ours),
            (400, "SendingPausedException", Ours),
            (429, "TooManyRequestsException", Passing),
            (403, "AccessDeniedException", Ours),
            (403, "AccessDenied", Ours),
            (403, "ExpiredTokenException", Ours),
            (403, "ExpiredToken", Ours),
            (403, "IncompleteSignature", Ours),
            (403, "InvalidSignatureException", Ours),
            (403, "SignatureDoesNotMatch", Ours),
            (500, "InternalFailure", Passing),
            (500, "InternalServerError", Passing),
            (500, "InternalServerException", Passing),
            (500, "InternalServiceErrorException", Passing),
            (400, "MalformedHttpRequestException", Ours),
            (403, "MissingAuthenticationToken", Ours),
            (403, "InvalidClientTokenId", Ours),
            (401, "NotAuthorized", Ours),
            (403, "OptInRequired", Ours),
            (400, "RequestAbortedException", Unknown),
            (413, "RequestEntityTooLargeException", Final),
            (400, "RequestExpired", Ours),
            (408, "RequestTimeoutException", Passing),
            (503, "ServiceUnavailable", Passing),
            (400, "Throttling", Passing),
            (400, "ThrottlingException", Passing),
            (403, "UnrecognizedClientException", Ours),
            (404, "UnknownOperationException", Ours),
            (400, "ValidationError", Final),
            (400, "ValidationException", Final),
        ] {
            assert_eq!(verdict(status, Some(code), "for a test"), expected, "{code}");
        }
    }

    #[test]
    fn a_rejection_and_a_bad_request_say_in_words_whose_they_are() {
        let unverified = |who: &str| {
            format!("{NOT_VERIFIED}. The following identities failed the check in region EU-CENTRAL-1: {who}")
        };
        for (code, message, expected) in [
            ("MessageRejected", "Transaction failed: the message has a virus".into(), Final),
            ("MessageRejected", unverified("Acme <no-reply@acme.example>"), Ours),
            ("MessageRejected", unverified(&format!("no-reply@acme.example, {ADA}")), Ours),
            ("MessageRejected", unverified("Ada@acme.test"), Verdict::Held),
            ("MessageRejected", NOT_VERIFIED.into(), Ours),
            ("BadRequestException", "Missing final '@domain'".into(), Final),
            ("BadRequestException", "Configuration set name is invalid".into(), Ours),
        ] {
            assert_eq!(verdict(400, Some(code), &message), expected, "{message}");
        }
    }

    #[test]
    fn what_nobody_has_heard_of_keeps_the_mail() {
        for (status, code, expected) in [
            (400, Some("NewException"), Verdict::Held),
            (429, Some("NewException"), Passing),
            (500, Some("NewException"), Passing),
            (503, None, Passing),
            (403, None, Ours),
            (400, None, Verdict::Held),
            (502, None, Unknown),
            (504, None, Unknown),
        ] {
            assert_eq!(verdict(status, code, ""), expected, "{status} {code:?}");
        }
    }
}
