//! Request to register, checked: every fault is told at once.

use crate::{email::Email, name::Name, passwords::model as passwords, return_to::ReturnOrigins};
use chrono::TimeDelta;
use common::{limit::Limit, problem::FieldError};
use contracts::public_url::PublicUrl;
use secrecy::SecretString;
use serde::Deserialize;
use std::{str::FromStr, time::Duration};
use utoipa::ToSchema;

/// How long the link in the mail works.
pub const LINK_LIFETIME: TimeDelta = TimeDelta::minutes(30);
/// Registrations of one address that are open at a time; a new one takes the place of an old one.
pub const MOST_OPEN: i64 = 10;
/// Passwords tried at one link: nobody forgets so fast what they have chosen, and a new registration has a new link.
pub const MOST_ATTEMPTS: i16 = 10;
/// A classroom behind one address may register.
pub const BY_SOURCE: Limit = Limit { name: "register", most: 30, window: HOUR };
/// Who does not find the mail asks again; nobody fills somebody's mailbox.
pub const ADDRESSES_A_SOURCE: Limit = Limit { name: "register-address", most: 4, window: HOUR };
const HOUR: Duration = Duration::from_secs(3600);

/// Body of `POST /v1/users`.
#[derive(Deserialize, ToSchema)]
pub struct RegistrationRequest {
    #[serde(default)]
    #[schema(value_type = String, required = true, format = Email, example = "ada@acme.test")]
    email: Option<String>,
    /// At least 15 characters, none of the commonest passwords, without the address or the tenant's name.
    #[serde(default)]
    #[schema(value_type = String, required = true, format = Password, min_length = 15, max_length = 256,
        example = "seven leagues at a stride")]
    password: Option<SecretString>,
    #[serde(default)]
    #[schema(value_type = String, required = true, max_length = 100, example = "Ada Lovelace")]
    display_name: Option<String>,
    #[serde(default)]
    #[schema(value_type = String, required = true, max_length = 100, example = "Acme")]
    tenant_name: Option<String>,
    /// Where the page that confirms the address leads on to: a page of a frontend that may call this service.
    #[serde(default)]
    #[schema(format = "uri", example = "https://app.example.com/welcome")]
    return_to: Option<String>,
}

/// A checked request.
pub struct Registration {
    pub email: Email,
    pub password: SecretString,
    pub display_name: Name,
    pub tenant_name: Name,
    pub return_to: Option<PublicUrl>,
}

impl RegistrationRequest {
    pub fn check(self, origins: &ReturnOrigins) -> Result<Registration, Vec<FieldError>> {
        let mut faults = Vec::new();
        let email = email("email", self.email.as_deref(), &mut faults);
        let display_name = name("display_name", self.display_name.as_deref(), &mut faults);
        let tenant_name = name("tenant_name", self.tenant_name.as_deref(), &mut faults);
        let own_words = [email.as_ref().map_or("", Email::local_part), tenant_name.as_ref().map_or("", Name::as_str)];
        let password = passwords::read("password", self.password, &own_words, &mut faults);
        let return_to = origins.read(self.return_to.as_deref(), &mut faults);
        match (email, password, display_name, tenant_name) {
            (Some(email), Some(password), Some(display_name), Some(tenant_name)) if faults.is_empty() => {
                Ok(Registration { email, password, display_name, tenant_name, return_to })
            }
            _ => Err(faults),
        }
    }
}

/// Reads an address, noting what is wrong with it.
pub fn email(field: &str, text: Option<&str>, faults: &mut Vec<FieldError>) -> Option<Email> {
    read(field, text, |_| "malformed", faults)
}

/// Reads a name, noting what is wrong with it.
pub fn name(field: &str, text: Option<&str>, faults: &mut Vec<FieldError>) -> Option<Name> {
    read(field, text, crate::name::NotAName::code, faults)
}

fn read<T: FromStr<Err: ToString>>(
    field: &str,
    text: Option<&str>,
    code: impl Fn(&T::Err) -> &'static str,
    faults: &mut Vec<FieldError>,
) -> Option<T> {
    let Some(text) = text else {
        faults.push(FieldError::new(field, "missing", "is required"));
        return None;
    };
    text.parse().map_err(|fault| faults.push(FieldError::new(field, code(&fault), fault.to_string()))).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn faults(body: serde_json::Value) -> String {
        let request: RegistrationRequest = serde_json::from_value(body).unwrap();
        let own = "https://auth.example.com".parse().unwrap();
        let origins = ReturnOrigins::new(&["https://app.example.com".into()], &own);
        let faults = request.check(&origins).err().unwrap_or_default();
        faults.iter().map(|fault| format!("{} {}", fault.field, fault.code)).collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn every_fault_is_told_at_once() {
        let all = "email missing, display_name missing, tenant_name missing, password missing";
        assert_eq!(faults(json!({})), all);
        let wrong = json!({"email": "ada", "password": "short", "display_name": " ", "tenant_name": "x".repeat(101)});
        assert_eq!(faults(wrong), "email malformed, display_name missing, tenant_name too_long, password too_short");
        let mut asked = json!({"email": "lovelace@acme.test", "password": "my name is Lovelace"});
        (asked["display_name"], asked["tenant_name"]) = ("Ada".into(), "Acme".into());
        assert_eq!(faults(asked.clone()), "password too_personal");
        asked["password"] = "seven leagues at a stride".into();
        assert_eq!(faults(asked.clone()), "");
        asked["return_to"] = "https://app.example.com/".into();
        assert_eq!(faults(asked.clone()), "");
        asked["return_to"] = "https://evil.test/".into();
        assert_eq!(faults(asked), "return_to return_to_not_allowed");
    }
}
