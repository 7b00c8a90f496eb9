//! Each rule of the table, in both directions.

use super::*;
use serde_json::json;

fn message(properties: Value, required: &[&str]) -> Value {
    json!({ "type": "object", "properties": properties, "required": required })
}

fn old() -> Value {
    let properties = json!({
        "email": { "type": "string", "maxLength": 254 }, "plan": { "$ref": "#/$defs/Plan" },
        "note": { "type": ["string", "null"] }, "count": { "type": "integer", "minimum": 1 },
        "lines": { "type": "array", "items": message(json!({ "n": { "type": "integer" } }), &[]) },
        "rates": { "type": "object", "additionalProperties": { "type": "string" } },
    });
    let mut schema = message(properties, &["email", "plan"]);
    schema["$defs"] = json!({ "Plan": { "type": "string", "enum": ["free", "paid"] } });
    schema
}

#[test]
fn prose_and_new_optional_fields_break_nobody() {
    let mut new = old();
    new["description"] = json!("better");
    new["properties"]["phone"] = json!({ "type": "string" });
    new["properties"]["lines"]["items"]["properties"]["text"] = json!({ "type": "string" });
    new["$defs"]["Plan"] = json!({ "oneOf": [{ "const": "free", "description": "x" }, { "enum": ["paid"] }] });
    assert_eq!(breaks(&old(), &new), Vec::<String>::new());
}

type Change = fn(&mut Value);

#[test]
fn each_change_breaks_whom_the_table_says() {
    let cases: [(Change, &[&str]); 17] = [
        (|new| drop(new["properties"].as_object_mut().unwrap().remove("note")), &["forward, note was removed"]),
        (|new| new["required"] = json!(["email", "plan", "note"]), &["backward, note may be missing"]),
        (|new| new["required"] = json!(["email", "plan", "tenant"]), &["backward, tenant may be missing"]),
        (|new| new["required"] = json!(["email"]), &["forward, plan may be missing"]),
        (
            |new| new["properties"]["email"]["type"] = json!("integer"),
            &["backward, email may be of type string", "forward, email may be of type integer"],
        ),
        (|new| new["properties"]["email"]["type"] = json!(["string", "null"]), &["forward, email may be of type null"]),
        (|new| new["properties"]["note"]["type"] = json!("string"), &["backward, note may be of type null"]),
        (|new| new["properties"]["count"]["type"] = json!("number"), &["forward, count may be of type fraction"]),
        (|new| new["properties"]["note"]["format"] = json!("uuid"), &["backward, note may break format \"uuid\""]),
        (|new| new["properties"]["note"]["maxLength"] = json!(9), &["backward, note may be above maxLength 9"]),
        (|new| new["properties"]["email"]["maxLength"] = json!(99), &["backward, email may be above maxLength 99"]),
        (|new| new["properties"]["email"]["maxLength"] = json!(999), &["forward, email may be above maxLength 254"]),
        (|new| new["properties"]["count"]["minimum"] = json!(0), &["forward, count may be below minimum 1"]),
        (|new| new["properties"]["count"]["minimum"] = json!(2), &["backward, count may be below minimum 2"]),
        (
            |new| new["$defs"]["Plan"]["enum"] = json!(["free", "trial"]),
            &[
                "backward, plan may be \"paid\", which is not known",
                "forward, plan may be \"trial\", which is not known",
            ],
        ),
        (
            |new| new["properties"]["lines"]["items"]["properties"]["n"] = json!({ "type": "string" }),
            &["backward, lines[].n may be of type integer", "forward, lines[].n may be of type string"],
        ),
        (
            |new| new["properties"]["rates"]["additionalProperties"] = json!(true),
            &["forward, rates.* may be of type array, boolean, fraction, integer, null, object"],
        ),
    ];
    for (change, expected) in cases {
        let mut new = old();
        change(&mut new);
        assert_eq!(breaks(&old(), &new), expected);
    }
}

#[test]
fn a_reader_that_forbids_unknown_fields_forbids_new_ones() {
    let mut closed = old();
    closed["additionalProperties"] = json!(false);
    assert_eq!(breaks(&old(), &closed), Vec::<String>::new());
    let mut more = old();
    more["properties"]["phone"] = json!({ "type": "string" });
    assert_eq!(breaks(&closed, &more), ["forward, phone is not allowed"]);
}

fn union(kinds: &[&str]) -> Value {
    let variant =
        |kind: &&str| message(json!({ "kind": { "const": kind }, "id": { "type": "string" } }), &["kind", "id"]);
    let variants: Vec<_> = kinds.iter().map(variant).collect();
    let mut union = message(json!({ "key": { "type": "string" } }), &["key"]);
    union["oneOf"] = json!(variants);
    union
}

#[test]
fn a_union_gets_variants_only_if_its_readers_wait_for_newer_ones() {
    let (one, two) = (union(&["migrate"]), union(&["seed", "migrate"]));
    assert_eq!(breaks(&one, &two), ["forward, the data may be the variant \"seed\", which is not known"]);
    assert_eq!(breaks(&two, &one), ["backward, the data may be the variant \"seed\", which is not known"]);
    let extensible = |mut union: Value| {
        union[EXTENSIBLE] = json!("kind");
        union
    };
    let (one, two) = (extensible(one), extensible(two));
    assert_eq!(breaks(&one, &two), Vec::<String>::new());
    let mut other = one.clone();
    other["oneOf"][0]["properties"]["id"]["type"] = json!("integer");
    assert_eq!(breaks(&one, &other), ["backward, id may be of type string", "forward, id may be of type integer"]);
    // What was once said may still wait in a queue, although it is a variant that readers may not know.
    assert_eq!(breaks(&two, &one).len(), 1);
}

#[test]
fn what_may_be_null_stays_so() {
    let nullable = |nullable: bool| {
        let id = json!({ "$ref": "#/$defs/Id" });
        let schema = if nullable { json!({ "anyOf": [id, { "type": "null" }] }) } else { id };
        let mut schema = message(json!({ "id": schema }), &[]);
        schema["$defs"] = json!({ "Id": { "type": "string", "format": "uuid" } });
        schema
    };
    assert_eq!(breaks(&nullable(true), &nullable(true)), Vec::<String>::new());
    assert_eq!(breaks(&nullable(false), &nullable(true)), ["forward, id may be of type null"]);
    assert_eq!(breaks(&nullable(true), &nullable(false)), ["backward, id may be of type null"]);
}

#[test]
fn a_type_that_contains_itself_is_compared_once() {
    let children = json!({ "children": { "type": "array", "items": { "$ref": "#/$defs/Node" } } });
    let tree = json!({ "$ref": "#/$defs/Node", "$defs": { "Node": message(children, &[]) } });
    assert_eq!(breaks(&tree, &tree), Vec::<String>::new());
}
