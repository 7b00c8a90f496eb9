//! Bodies that somebody sends who wants what is another tenant's: as the schema has them, with that tenant's ids.

use super::known::Known;
use serde_json::{Map, Value, json};

/// References followed within each other; schemas that contain themselves end here.
const DEEPEST: usize = 12;
/// Bodies of one operation.
const MOST: usize = 40;

pub struct Sampler<'a> {
    pub known: &'a Known,
    pub schemas: &'a Value,
}

impl Sampler<'_> {
    /// Bodies that have between them every alternative of the schema and every known id where it fits.
    pub fn bodies(&self, schema: &Value) -> Vec<Value> {
        let mut bodies: Vec<Value> = Vec::new();
        for turn in 0..MOST {
            let before = bodies.len();
            for body in self.values("", schema, turn, 0) {
                if !bodies.contains(&body) {
                    bodies.push(body);
                }
            }
            if bodies.len() == before || bodies.len() >= MOST {
                break;
            }
        }
        bodies.truncate(MOST);
        bodies
    }

    /// One value for each alternative; `turn` chooses among the known ids.
    fn values(&self, name: &str, schema: &Value, turn: usize, depth: usize) -> Vec<Value> {
        if depth > DEEPEST {
            return vec![Value::Null];
        }
        if let Some(known) = self.known_value(name, schema, turn) {
            return vec![known];
        }
        if let Some(target) = self.target(schema) {
            return self.values(name, target, turn, depth + 1);
        }
        if let Some(alternatives) = schema["oneOf"].as_array() {
            return alternatives
                .iter()
                .filter(|one| one["type"] != "null")
                .flat_map(|one| self.values(name, one, turn, depth + 1))
                .collect();
        }
        if let Some(example) = schema.get("example").or(schema.get("default")).or(schema["enum"].get(0)) {
            return vec![example.clone()];
        }
        if schema["allOf"].is_array() {
            return self.objects(schema, turn, depth + 1).into_iter().map(Value::Object).collect();
        }
        let types = schema["type"].as_array().map_or(std::slice::from_ref(&schema["type"]), Vec::as_slice);
        match types.iter().find_map(|kind| kind.as_str().filter(|kind| *kind != "null")) {
            Some("object") => self.objects(schema, turn, depth + 1).into_iter().map(Value::Object).collect(),
            Some("array") => self
                .values(name.trim_end_matches('s'), &schema["items"], turn, depth + 1)
                .into_iter()
                .map(|item| json!([item]))
                .collect(),
            Some("integer" | "number") => vec![json!(1)],
            Some("boolean") => vec![json!(true)],
            _ => vec![json!("mallory")],
        }
    }

    /// An object of the first alternatives of all members, and one more for each other alternative of each.
    fn objects(&self, schema: &Value, turn: usize, depth: usize) -> Vec<Map<String, Value>> {
        if let Some(target) = self.target(schema) {
            return self.objects(target, turn, depth + 1);
        }
        let parts: Vec<Vec<Map<String, Value>>> = match schema["allOf"].as_array() {
            Some(parts) => parts.iter().map(|part| self.objects(part, turn, depth + 1)).collect(),
            None => self.members(schema, turn, depth),
        };
        let first: Map<_, _> = parts.iter().filter_map(|part| part.first().cloned()).flatten().collect();
        let others = parts
            .iter()
            .flat_map(|part| part.iter().skip(1))
            .map(|other| first.clone().into_iter().chain(other.clone()).collect());
        std::iter::once(first.clone()).chain(others).collect()
    }

    /// Each member by itself, once for each of its alternatives.
    fn members(&self, schema: &Value, turn: usize, depth: usize) -> Vec<Vec<Map<String, Value>>> {
        let members = schema["properties"].as_object().into_iter().flatten();
        let is_required = |name: &str| schema["required"].as_array().is_some_and(|all| all.contains(&json!(name)));
        let alone = |name: &String, value: Value| Map::from_iter((!value.is_null()).then(|| (name.clone(), value)));
        members
            .filter(|(name, member)| is_required(name) || !self.is_unknown(name, member, turn))
            .map(|(name, member)| {
                self.values(name, member, turn, depth + 1).into_iter().map(|value| alone(name, value)).collect()
            })
            .collect()
    }

    /// Whether nothing says what it could be: then it is left out if it may be absent.
    fn is_unknown(&self, name: &str, schema: &Value, turn: usize) -> bool {
        let target = self.target(schema).unwrap_or(schema);
        let is_scalar = ["string", "integer", "number", "boolean"].iter().any(|kind| target["type"] == *kind);
        let is_told = ["example", "default", "enum"].iter().any(|key| target.get(key).is_some());
        is_scalar && !is_told && self.known_value(name, schema, turn).is_none()
    }

    fn target(&self, schema: &Value) -> Option<&Value> {
        self.schemas.get(schema["$ref"].as_str()?.rsplit('/').next()?)
    }

    /// An id of the tenant, where the schema takes a text of its kind.
    fn known_value(&self, name: &str, schema: &Value, turn: usize) -> Option<Value> {
        let target = self.target(schema).unwrap_or(schema);
        let is_text = target["type"] == "string"
            || target["type"].as_array().is_some_and(|types| types.contains(&json!("string")));
        if !is_text || target.get("enum").is_some() {
            return None;
        }
        let values = self.known.values("", name, target["format"] == "uuid");
        (!values.is_empty()).then(|| json!(values[turn % values.len()]))
    }
}

#[cfg(test)]
mod tests {
    use super::{super::known::Whose, *};

    #[test]
    fn every_alternative_and_every_id_has_its_turn() {
        let mut known = Known::default();
        known.learn("roles", &json!([{"id": "r1"}, {"id": "r2"}]), Whose::Tenants);
        known.learn("x", &json!({"principal": "user:1"}), Whose::Tenants);
        let schemas = json!({
            "Change": {"oneOf": [
                {"allOf": [{"$ref": "#/components/schemas/Grant"},
                    {"properties": {"op": {"enum": ["grant"], "type": "string"}}}]},
                {"type": "object",
                    "properties": {"op": {"enum": ["delete_role"], "type": "string"},
                        "role": {"type": "string", "format": "uuid"}}},
            ]},
            "Grant": {"type": "object",
                "properties": {"principal": {"type": "string"}, "reason": {"type": "string"}}},
        });
        let sampler = Sampler { known: &known, schemas: &schemas };
        let schema = json!({"type": "object",
            "properties": {"changes": {"type": "array", "items": {"$ref": "#/components/schemas/Change"}}}});
        let bodies = sampler.bodies(&schema);
        for change in [
            json!({"op": "grant", "principal": "user:1"}),
            json!({"op": "delete_role", "role": "r1"}),
            json!({"op": "delete_role", "role": "r2"}),
        ] {
            assert!(bodies.contains(&json!({"changes": [change]})), "{change} is not in {bodies:?}");
        }
    }
}
