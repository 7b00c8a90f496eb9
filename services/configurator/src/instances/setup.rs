//! The setup form. Is it filled in right? The code proves that the tenant itself does it; the settings follow the
//! manifest's JSON Schema.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use common::problem::FieldError;
use jsonschema::{
    Draft, ValidationError, Validator,
    error::{TypeKind, ValidationErrorKind},
};
use serde_json::{Map, Value};

/// 32 characters, none taken for another: no 0 or O, no 1 or I.
const ALPHABET: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
/// 140 bits: nobody guesses it, however often they try, so no number of wrong tries locks the right code out.
const CODE_LENGTH: usize = 28;
/// Characters that are read in one go.
const GROUP: usize = 4;
/// Faults told at once; more help nobody.
const MOST_ERRORS: usize = 50;

/// A setup code made of random bytes.
pub fn code(random: [u8; CODE_LENGTH]) -> String {
    random.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect()
}

/// The code as people read it: `K7PW-3XQA-…`.
pub fn in_groups(code: &str) -> String {
    let mut grouped = String::with_capacity(code.len() + code.len() / GROUP);
    for (at, character) in code.chars().enumerate() {
        if at > 0 && at % GROUP == 0 {
            grouped.push('-');
        }
        grouped.push(character);
    }
    grouped
}

/// Compares in constant time; case, spaces and dashes do not matter, as people type the code.
pub fn is_code(given: &str, expected: &str) -> bool {
    let plain: String = given.chars().filter(|c| !matches!(c, ' ' | '-')).take(CODE_LENGTH + 1).collect();
    verify_slices_are_equal(plain.to_ascii_uppercase().as_bytes(), expected.as_bytes()).is_ok()
}

/// Compiles a setup form's schema (JSON Schema 2020-12). References to other documents are refused.
pub fn validator(schema: &Value) -> Result<Validator, String> {
    jsonschema::options()
        .with_draft(Draft::Draft202012)
        .should_validate_formats(true)
        .build(schema)
        .map_err(|error| error.to_string())
}

/// What is wrong with the settings, by property; empty if nothing is.
pub fn faults(validator: &Validator, settings: &Map<String, Value>) -> Vec<FieldError> {
    let settings = Value::Object(settings.clone());
    validator.iter_errors(&settings).flat_map(|error| field_errors(&error)).take(MOST_ERRORS).collect()
}

fn field_errors(error: &ValidationError<'_>) -> Vec<FieldError> {
    let field = error
        .instance_path()
        .as_str()
        .split('/')
        .skip(1)
        .fold("settings".to_owned(), |path, name| format!("{path}.{name}"));
    match error.kind() {
        ValidationErrorKind::Required { property } => {
            vec![FieldError::new(
                format!("{field}.{}", property.as_str().unwrap_or_default()),
                "missing",
                "is required",
            )]
        }
        ValidationErrorKind::AdditionalProperties { unexpected }
        | ValidationErrorKind::UnevaluatedProperties { unexpected } => unexpected
            .iter()
            .map(|name| FieldError::new(format!("{field}.{name}"), "unknown", "is no setting of this service"))
            .collect(),
        kind => {
            let (code, message) = sentence(kind, error);
            vec![FieldError::new(field, code, message)]
        }
    }
}

fn sentence(kind: &ValidationErrorKind, error: &ValidationError<'_>) -> (&'static str, String) {
    match kind {
        ValidationErrorKind::Type { kind: TypeKind::Single(expected) } => {
            ("wrong_type", format!("must be of type {expected}"))
        }
        ValidationErrorKind::MinLength { limit } => ("too_short", format!("must have at least {limit} characters")),
        ValidationErrorKind::MaxLength { limit } => ("too_long", format!("must have at most {limit} characters")),
        ValidationErrorKind::Minimum { limit } => ("out_of_range", format!("must be at least {limit}")),
        ValidationErrorKind::Maximum { limit } => ("out_of_range", format!("must be at most {limit}")),
        ValidationErrorKind::ExclusiveMinimum { limit } => ("out_of_range", format!("must be more than {limit}")),
        ValidationErrorKind::ExclusiveMaximum { limit } => ("out_of_range", format!("must be less than {limit}")),
        ValidationErrorKind::Enum { options } => ("unknown", format!("must be one of {options}")),
        ValidationErrorKind::Format { format } => ("malformed", format!("must be a valid {format}")),
        ValidationErrorKind::Pattern { pattern } => ("malformed", format!("must match {pattern}")),
        _ => ("invalid", error.masked_with("the value").to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn wrong(settings: Value) -> Vec<(String, String)> {
        let schema = json!({
            "type": "object",
            "x-order": ["title", "posts_per_page"],
            "additionalProperties": false,
            "required": ["title", "theme"],
            "properties": {
                "title": {"type": "string", "minLength": 3, "maxLength": 10},
                "theme": {"type": "string", "enum": ["light", "dark"]},
                "posts_per_page": {"type": "integer", "minimum": 1, "maximum": 100},
                "open": {"type": "boolean"},
                "contact": {"type": "string", "format": "email"},
                "colour": {"type": "string", "pattern": "^#[0-9a-f]{6}$"},
            },
        });
        let settings = settings.as_object().unwrap().clone();
        let mut faults: Vec<_> = faults(&validator(&schema).unwrap(), &settings)
            .into_iter()
            .map(|fault| (fault.field, fault.code))
            .collect();
        faults.sort();
        faults
    }

    #[test]
    fn every_fault_names_its_property() {
        assert_eq!(
            wrong(json!({"title": "Acme", "theme": "dark", "posts_per_page": 20, "open": true, "contact": "a@b.test",
                    "colour": "#00ff00"})),
            []
        );
        let faults =
            wrong(json!({"title": "A", "posts_per_page": 0, "open": "yes", "contact": "nobody", "colour": "red",
                "stranger": 1}));
        let expected = [
            ("settings.colour", "malformed"),
            ("settings.contact", "malformed"),
            ("settings.open", "wrong_type"),
            ("settings.posts_per_page", "out_of_range"),
            ("settings.stranger", "unknown"),
            ("settings.theme", "missing"),
            ("settings.title", "too_short"),
        ];
        assert_eq!(faults, expected.map(|(field, code)| (field.to_owned(), code.to_owned())));
        assert_eq!(
            wrong(json!({"title": "Acme", "theme": "pink"})),
            [("settings.theme".to_owned(), "unknown".to_owned())]
        );
    }

    #[test]
    fn schemas_that_cannot_be_compiled_or_reach_out_are_refused() {
        assert!(validator(&json!({"type": "nonsense"})).is_err());
        assert!(validator(&json!({"$ref": "http://127.0.0.1:1/schema.json"})).is_err());
        assert!(validator(&json!({"$ref": "file:///etc/hostname"})).is_err());
    }

    #[test]
    fn codes_are_typed_as_people_type() {
        let mut random = [0; CODE_LENGTH];
        random[..8].copy_from_slice(&[0, 31, 32, 63, 64, 200, 255, 7]);
        let code = code(random);
        assert_eq!(in_groups(&code), "A9A9-AJ9H-AAAA-AAAA-AAAA-AAAA-AAAA");
        for given in [code.as_str(), &code.to_lowercase(), &format!(" {} ", in_groups(&code))] {
            assert!(is_code(given, &code), "{given}");
        }
        for given in ["", &code[1..], &format!("{code}A"), &code.replace("J9H", "K9H"), "ä"] {
            assert!(!is_code(given, &code), "{given}");
        }
    }
}
