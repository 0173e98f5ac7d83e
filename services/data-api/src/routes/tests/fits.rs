//! Whether an answer is what the description says.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use serde_json::{Value, json};

use super::Home;
use crate::{Api, Config};

/// The description of the API, in which every documented field is required and no other is allowed: what is not known is null, not absent.
fn description() -> &'static Value {
    static DESCRIPTION: OnceLock<Value> = OnceLock::new();
    DESCRIPTION.get_or_init(|| {
        let api = crate::router(Api::new(Home::empty().store, Config::default(), false)).split_for_parts().1;
        let mut api = serde_json::to_value(api).unwrap();
        let schemas = api["components"]["schemas"].as_object_mut().unwrap();
        // What is a part of another schema must let that one's fields pass.
        let parts: BTreeSet<String> = schemas
            .values()
            .filter_map(|schema| schema["allOf"].as_array())
            .flatten()
            .filter_map(|part| part["$ref"].as_str().map(str::to_owned))
            .collect();
        for (name, schema) in schemas {
            let is_part = parts.contains(&format!("#/components/schemas/{name}"));
            require_all(schema);
            for part in schema.get_mut("allOf").and_then(Value::as_array_mut).into_iter().flatten() {
                require_all(part);
            }
            if schema["allOf"].is_array() {
                schema["unevaluatedProperties"] = json!(false);
            } else if schema["properties"].is_object() && !is_part {
                schema["additionalProperties"] = json!(false);
            }
        }
        api
    })
}

fn require_all(schema: &mut Value) {
    if let Some(properties) = schema["properties"].as_object() {
        let names: Vec<String> = properties.keys().cloned().collect();
        schema["required"] = json!(names);
    }
}

/// Fails where `body` is not what the description says of `status` of `method` at `path` (as described, such as `/api/v1/devices/{id}`).
#[track_caller]
pub fn assert_fits(path: &str, method: &str, status: u16, body: &Value) {
    let answer = &description()["paths"][path][method]["responses"][status.to_string()];
    assert!(answer.is_object(), "{method} {path} answers {status}, which is not described: {body}");
    let schema = answer["content"].as_object().and_then(|all| all.values().next()).map(|content| &content["schema"]);
    let schema = schema.unwrap_or_else(|| panic!("{method} {path} {status} has no schema"));
    assert_valid(schema, body, &format!("{method} {path} {status}"));
}

/// Fails where `body` is not what the description says of the schema `name`.
#[track_caller]
pub fn assert_is(name: &str, body: &Value) {
    assert!(description()["components"]["schemas"][name].is_object(), "there is no schema {name}");
    assert_valid(&json!({ "$ref": format!("#/components/schemas/{name}") }), body, name);
}

#[track_caller]
fn assert_valid(schema: &Value, body: &Value, what: &str) {
    let mut schema = schema.clone();
    // References point into the description.
    schema["components"] = description()["components"].clone();
    let validator = jsonschema::draft202012::new(&schema).unwrap_or_else(|error| panic!("the schema of {what} is none: {error}"));
    let wrong: Vec<String> = validator.iter_errors(body).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(wrong.is_empty(), "{what} does not fit: {wrong:#?}\n{body:#}");
}

#[test]
#[should_panic(expected = "does not fit")]
fn what_does_not_fit_is_found() {
    assert_fits("/api/v1/series", "get", 200, &json!({ "series": [], "meta": { "count": "none", "at": "now", "is_demo": false } }));
}

#[test]
#[should_panic(expected = "does not fit")]
fn what_is_missing_is_found() {
    assert_fits("/api/v1/series", "get", 200, &json!({ "series": [], "meta": { "count": 0, "is_demo": false } }));
}
