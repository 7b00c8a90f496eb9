//! Requests for a new password: what they say, and how many there may be.

use crate::{email::Email, registrations::model, return_to::ReturnOrigins};
use chrono::TimeDelta;
use common::{limit::Limit, problem::FieldError};
use contracts::public_url::PublicUrl;
use serde::Deserialize;
use std::time::Duration;
use utoipa::ToSchema;

/// How long the link in the mail works.
pub const LINK_LIFETIME: TimeDelta = TimeDelta::minutes(30);
/// A classroom behind one address may forget.
pub const BY_SOURCE: Limit = Limit { name: "reset", most: 30, window: HOUR };
/// Who does not find the mail asks again.
pub const ADDRESSES_A_SOURCE: Limit = Limit { name: "reset-address", most: 4, window: HOUR };
const HOUR: Duration = Duration::from_secs(3600);

/// Body of `POST /v1/password-resets`.
#[derive(Deserialize, ToSchema)]
pub struct ResetRequest {
    #[schema(format = Email, example = "ada@acme.test")]
    email: String,
    /// Where the page that takes the new password leads on to: a page of a frontend that may call this service.
    #[serde(default)]
    #[schema(format = "uri", example = "https://app.example.com/sign-in")]
    return_to: Option<String>,
}

/// A checked request.
pub struct Asked {
    pub email: Email,
    pub return_to: Option<PublicUrl>,
}

impl ResetRequest {
    pub fn check(self, origins: &ReturnOrigins) -> Result<Asked, Vec<FieldError>> {
        let mut faults = Vec::new();
        let email = model::email("email", Some(&self.email), &mut faults);
        let return_to = origins.read(self.return_to.as_deref(), &mut faults);
        email.filter(|_| faults.is_empty()).map(|email| Asked { email, return_to }).ok_or(faults)
    }
}
