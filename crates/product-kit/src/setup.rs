//! The setup form, made of the manifest's JSON Schema, and its values, of the types that this names.
//!
//! A schema's properties have no order; `x-order`, a list of their names, gives them one.

use common::problem::FieldError;
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::HashMap;

/// The field that proves that the tenant itself fills in the form.
pub(crate) const CODE: &str = "setup_code";
/// A text that may be longer than this gets a field of several lines.
const LONGEST_LINE: u64 = 120;

/// One field as the page shows it.
#[derive(Debug, PartialEq, Serialize)]
pub(crate) struct Field<'a> {
    name: &'a str,
    label: &'a str,
    description: Option<&'a str>,
    /// `text`, `textarea`, `number` or `checkbox`.
    control: &'static str,
    value: &'a str,
    required: bool,
    max_length: Option<u64>,
    minimum: Option<i64>,
    maximum: Option<i64>,
    errors: Vec<&'a str>,
}

/// The values of a form that nobody has touched yet: the schema's defaults.
pub(crate) fn blank(schema: &Value) -> HashMap<String, String> {
    let default = |(name, property): (&str, &Value)| {
        let value = match property.get("default")? {
            Value::String(text) => text.clone(),
            Value::Bool(false) | Value::Null => String::new(),
            other => other.to_string(),
        };
        Some((name.to_owned(), value))
    };
    properties(schema).into_iter().filter_map(default).collect()
}

/// The fields of the form, in order, with what was filled in and what is wrong with it.
pub(crate) fn fields<'a>(
    schema: &'a Value,
    filled_in: &'a HashMap<String, String>,
    errors: &'a [FieldError],
) -> Vec<Field<'a>> {
    let required: Vec<_> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let field = |(name, property): (&'a str, &'a Value)| {
        let max_length = property["maxLength"].as_u64();
        Field {
            name,
            label: property["title"].as_str().unwrap_or(name),
            description: property["description"].as_str(),
            control: match property["type"].as_str() {
                Some("integer") => "number",
                Some("boolean") => "checkbox",
                _ if max_length.is_none_or(|length| length > LONGEST_LINE) => "textarea",
                _ => "text",
            },
            value: filled_in.get(name).map_or("", String::as_str),
            required: required.contains(&name),
            max_length,
            minimum: property["minimum"].as_i64(),
            maximum: property["maximum"].as_i64(),
            errors: messages(errors, name),
        }
    };
    properties(schema).into_iter().map(field).collect()
}

impl Field<'_> {
    pub fn is_about(&self, error: &FieldError) -> bool {
        is_about(error, self.name)
    }
}

fn is_about(error: &FieldError, name: &str) -> bool {
    error.field.strip_prefix("settings.").unwrap_or(&error.field) == name
}

/// What is wrong with the field of that name.
pub(crate) fn messages<'a>(errors: &'a [FieldError], name: &str) -> Vec<&'a str> {
    errors.iter().filter(|error| is_about(error, name)).map(|error| error.message.as_str()).collect()
}

/// The submitted texts as values of the schema's types. What cannot be one stays a text, for the configurator to say
/// so.
pub(crate) fn coerce(schema: &Value, filled_in: &HashMap<String, String>) -> Map<String, Value> {
    let value = |(name, property): (&str, &Value)| {
        // Browsers send lines as CRLF (WHATWG HTML §4.10.22.4).
        let text = filled_in.get(name).map_or("", String::as_str).trim().replace("\r\n", "\n").replace('\0', "");
        let value = match property["type"].as_str() {
            // A box that is not ticked is not sent at all.
            Some("boolean") => Value::Bool(!text.is_empty()),
            _ if text.is_empty() => return None,
            Some("integer") => text.parse::<i64>().map_or_else(|_| Value::String(text.clone()), Value::from),
            _ => Value::String(text),
        };
        Some((name.to_owned(), value))
    };
    properties(schema).into_iter().filter_map(value).collect()
}

/// The schema's properties: first those that `x-order` names, then the others.
fn properties(schema: &Value) -> Vec<(&str, &Value)> {
    let order: Vec<_> = schema["x-order"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let mut properties: Vec<_> = schema["properties"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, property)| (name.as_str(), property))
        .collect();
    properties.sort_by_key(|(name, _)| order.iter().position(|ordered| ordered == name).unwrap_or(order.len()));
    properties
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn schema() -> Value {
        json!({
            "type": "object",
            "x-order": ["title", "welcome"],
            "required": ["title"],
            "properties": {
                "count": {"type": "integer", "minimum": 0, "maximum": 9, "default": 3},
                "open": {"type": "boolean", "default": true},
                "title": {"type": "string", "title": "Title", "maxLength": 80},
                "welcome": {"type": "string", "description": "Shown on top", "maxLength": 500},
            },
        })
    }

    fn filled_in(values: &[(&str, &str)]) -> HashMap<String, String> {
        values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn fields_follow_the_schema() {
        let (schema, errors) = (schema(), [FieldError::new("settings.title", "missing", "is required")]);
        let blank = blank(&schema);
        let fields = fields(&schema, &blank, &errors);
        let shown: Vec<_> =
            fields.iter().map(|field| (field.name, field.control, field.value, field.required)).collect();
        assert_eq!(
            shown,
            [
                ("title", "text", "", true),
                ("welcome", "textarea", "", false),
                ("count", "number", "3", false),
                ("open", "checkbox", "true", false)
            ]
        );
        assert_eq!(
            (fields[0].label, fields[0].max_length, fields[0].errors.as_slice()),
            ("Title", Some(80), ["is required"].as_slice())
        );
        assert_eq!((fields[2].minimum, fields[2].maximum), (Some(0), Some(9)));
        assert_eq!(fields[1].description, Some("Shown on top"));
    }

    #[test]
    fn texts_become_values_of_the_schemas_types() {
        let all = coerce(
            &schema(),
            &filled_in(&[("title", " T "), ("welcome", "a\r\nb"), ("count", "7"), ("open", "on"), ("stranger", "x")]),
        );
        assert_eq!(Value::Object(all), json!({"title": "T", "welcome": "a\nb", "count": 7, "open": true}));
    }

    #[test]
    fn what_is_empty_is_absent_and_what_is_wrong_stays_visible() {
        let few = coerce(&schema(), &filled_in(&[("title", "  "), ("count", "many")]));
        assert_eq!(Value::Object(few), json!({"count": "many", "open": false}));
    }

    #[test]
    fn a_schema_without_properties_has_no_fields() {
        assert_eq!(coerce(&Value::Null, &filled_in(&[("x", "y")])), Map::new());
        assert!(fields(&json!({"type": "object"}), &HashMap::new(), &[]).is_empty());
    }
}
