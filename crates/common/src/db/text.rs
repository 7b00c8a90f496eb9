//! Text of the database that stands for one of few values.

use serde::de::{DeserializeOwned, IntoDeserializer, value};

/// The value that has `text` as its name in JSON, for enums of `contracts`; a service's own derive `sqlx::Type`.
///
/// # Errors
/// A text that is not known here is no value at all, and never a default.
pub fn from_text<T: DeserializeOwned>(text: &str) -> sqlx::Result<T> {
    T::deserialize(text.into_deserializer())
        .map_err(|error: value::Error| sqlx::Error::Decode(error.to_string().into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use contracts::messages::TenantKind;

    #[test]
    fn an_unknown_text_is_no_value() {
        assert_eq!(from_text::<TenantKind>("platform").unwrap(), TenantKind::Platform);
        assert!(matches!(from_text::<TenantKind>("Platform"), Err(sqlx::Error::Decode(_))));
    }
}
