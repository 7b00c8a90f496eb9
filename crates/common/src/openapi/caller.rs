//! Callers of operations: who may call one, as its document says.

use serde_json::{Map, Value};

/// The scopes of a scheme in `security`; `None` if the operation does not use that scheme.
pub(super) fn scopes<'a>(operation: &'a Map<String, Value>, scheme: &str) -> Option<Vec<&'a str>> {
    let requirements = operation.get("security")?.as_array()?;
    let scopes = requirements.iter().find_map(|requirement| requirement.get(scheme)?.as_array())?;
    Some(scopes.iter().filter_map(Value::as_str).collect())
}

/// Says in the description who may call.
pub(super) fn tell(operation: &mut Map<String, Value>) {
    let who = match (scopes(operation, "bearer"), scopes(operation, "platform_client")) {
        (Some(permissions), _) if permissions.is_empty() => "**Who:** anybody signed in.".to_owned(),
        (Some(permissions), _) => format!("**Permission:** `{}`", permissions.join("`, `")),
        (_, Some(clients)) if clients == ["*"] => "**Who:** the platform's own clients, products included.".to_owned(),
        (_, Some(clients)) => format!("**Who:** only the platform's own clients: `{}`.", clients.join("`, `")),
        _ => "**Who:** anybody, without a token.".to_owned(),
    };
    let description = operation.get("description").and_then(Value::as_str).unwrap_or_default();
    let description = format!("{description}\n\n{who}");
    operation.insert("description".into(), description.trim().into());
}
