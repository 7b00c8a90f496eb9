//! Answers of S3: which are a success, and what do the others mean?

use common::problem::{Chain, Problem};
use reqwest::{Response, StatusCode};

/// Seconds after which a caller may try again while S3 is away.
const SOON: u32 = 5;

/// Why an object cannot be had. The texts are for the people whose object it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ObjectError {
    #[error("The file was not uploaded, or is gone.")]
    Gone,
    /// Larger than so many bytes.
    #[error("The file is larger than {most} bytes.")]
    TooLarge { most: u64 },
    /// It may be had later.
    #[error("the store of files does not answer: {0}")]
    Away(String),
    #[error("the store of files refuses: {0}")]
    Refused(String),
}

impl From<ObjectError> for Problem {
    fn from(error: ObjectError) -> Self {
        match &error {
            ObjectError::Away(_) => Self::unavailable(SOON, "Files cannot be reached right now."),
            // What is asked for has been looked at before.
            ObjectError::Gone | ObjectError::TooLarge { .. } | ObjectError::Refused(_) => Self::internal(&error),
        }
    }
}

/// The answer, if it is a success.
pub(crate) fn accepted(answer: reqwest::Result<Response>) -> Result<Response, ObjectError> {
    let answer = answer.map_err(away)?;
    match answer.status() {
        status if status.is_success() => Ok(answer),
        StatusCode::NOT_FOUND => Err(ObjectError::Gone),
        status @ (StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS) => {
            Err(ObjectError::Away(status.to_string()))
        }
        status if status.is_server_error() => Err(ObjectError::Away(status.to_string())),
        status => Err(ObjectError::Refused(status.to_string())),
    }
}

/// Without the URL, whose signature lets others in.
pub(crate) fn away(error: reqwest::Error) -> ObjectError {
    ObjectError::Away(Chain(&error.without_url()).to_string())
}
