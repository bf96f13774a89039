//! Schemas of a description, as validators of values in answers.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use jsonschema::{Draft, Validator};
use serde_json::{Map, Value, json};

use crate::util::percent::percent_encoded;

/// Members of a schema that hold values, not schemas.
const VALUES: [&str; 5] = ["enum", "const", "default", "example", "examples"];

/// Members of a description whose members have names of its own, which may be those of [`VALUES`].
const NAMESPACES: [&str; 7] =
    ["properties", "patternProperties", "dependentSchemas", "$defs", "schemas", "responses", "headers"];

/// Schemas of a description.
#[derive(Debug)]
pub(super) struct Schemas {
    /// The description, with its schemas in the form of JSON Schema 2020-12.
    root: Value,
    /// Validators by the place of their schema; `None` where that is no valid schema, or is elsewhere.
    validators: RefCell<HashMap<String, Option<Rc<Validator>>>>,
}

impl Schemas {
    pub(super) fn new(description: &Value) -> Self {
        let mut root = description.clone();
        let is_old =
            description.get("openapi").and_then(Value::as_str).is_some_and(|it| it.starts_with("3.0"));
        convert(&mut root, description, is_old);
        Self { root, validators: RefCell::default() }
    }

    /// Returns the validator for the schema at this place, a JSON pointer.
    fn validator(&self, place: &str) -> Option<Rc<Validator>> {
        if let Some(known) = self.validators.borrow().get(place) {
            return known.clone();
        }
        let mut schema = self.root.clone();
        schema
            .as_object_mut()?
            .insert("$ref".to_owned(), json!(format!("#{}", percent_encoded(place, b"-._~/"))));
        // `format` is an annotation, and an external reference would need the network or the user's files.
        let options =
            jsonschema::options().with_draft(Draft::Draft202012).should_validate_formats(false).offline();
        let validator = options.build(&schema).ok().map(Rc::new);
        self.validators.borrow_mut().insert(place.to_owned(), validator.clone());
        validator
    }

    /// Returns the place that a value contradicts first, and how; `None` if it is valid or cannot be validated.
    pub(super) fn contradiction(&self, place: &str, value: &Value) -> Option<(String, String)> {
        let validator = self.validator(place)?;
        let error = validator.iter_errors(value).next()?;
        let schema_path = error.schema_path().to_string();
        // A numbered alternative of the value, as in a list, is not a part of the schema's place.
        let at = error.instance_path().to_string();
        let at = if at.is_empty() { "the whole body".to_owned() } else { at };
        Some((schema_path, format!("{at}: {error}")))
    }

    /// Whether a parameter in a path may have this text as its value, as a text, a number or a truth value. `None` if that
    /// is unknown.
    pub(super) fn allows_text(&self, place: &str, text: &str) -> Option<bool> {
        let validator = self.validator(place)?;
        let parsed =
            serde_json::from_str::<Value>(text).ok().filter(|value| value.is_number() || value.is_boolean());
        Some([Some(json!(text)), parsed].into_iter().flatten().any(|value| validator.is_valid(&value)))
    }
}

/// Converts schemas below a value to JSON Schema 2020-12, for values in answers: what is only written need not be there.
/// Those of version 3.0 have `nullable`, limits that are excluded by `true`, and nothing beside a reference.
fn convert(value: &mut Value, description: &Value, is_old: bool) {
    match value {
        Value::Object(members) => {
            forget_write_only(members, description);
            for (name, member) in members.iter_mut().filter(|(name, _)| !VALUES.contains(&name.as_str())) {
                match member {
                    Value::Object(named) if NAMESPACES.contains(&name.as_str()) => {
                        named.values_mut().for_each(|it| convert(it, description, is_old));
                    }
                    member => convert(member, description, is_old),
                }
            }
            if is_old && members.get("$ref").is_some_and(Value::is_string) {
                members.retain(|name, _| name == "$ref");
            } else if is_old {
                exclude_limit(members, "minimum", "exclusiveMinimum");
                exclude_limit(members, "maximum", "exclusiveMaximum");
                if members.remove("nullable") == Some(Value::Bool(true)) {
                    let schema = Value::Object(std::mem::take(members));
                    members.insert("anyOf".to_owned(), json!([{"type": "null"}, schema]));
                }
            }
        }
        Value::Array(elements) => elements.iter_mut().for_each(|it| convert(it, description, is_old)),
        _ => {}
    }
}

/// Replaces a limit that is excluded by `true` by an exclusive limit.
fn exclude_limit(members: &mut Map<String, Value>, limit: &str, exclusive: &str) {
    if let Some(Value::Bool(is_exclusive)) = members.get(exclusive) {
        let is_exclusive = *is_exclusive;
        members.remove(exclusive);
        if let Some(number) = members.get(limit).filter(|_| is_exclusive).cloned() {
            members.remove(limit);
            members.insert(exclusive.to_owned(), number);
        }
    }
}

/// Removes properties that only requests have from those that are required.
fn forget_write_only(members: &mut Map<String, Value>, description: &Value) {
    let Some(Value::Object(properties)) = members.get("properties") else { return };
    let is_write_only = |schema: &Value| {
        let target = schema.get("$ref").and_then(Value::as_str).and_then(|it| it.strip_prefix('#'));
        let target = target.and_then(|place| description.pointer(place)).unwrap_or(schema);
        target.get("writeOnly") == Some(&Value::Bool(true))
    };
    let names: Vec<_> =
        properties.iter().filter(|(_, schema)| is_write_only(schema)).map(|(name, _)| json!(name)).collect();
    if let Some(Value::Array(required)) = members.get_mut("required") {
        required.retain(|name| !names.contains(name));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schemas(version: &str, schema: Value) -> Schemas {
        Schemas::new(
            &json!({"openapi": version, "components": {"schemas": {"A": schema, "B": {"type": "string", "writeOnly": true}}}}),
        )
    }

    fn is_valid(schemas: &Schemas, value: &Value) -> bool {
        schemas.contradiction("/components/schemas/A", value).is_none()
    }

    #[test]
    fn old_schemas_have_their_own_words() {
        let old = schemas(
            "3.0.3",
            json!({"type": "integer", "nullable": true, "minimum": 1, "exclusiveMinimum": true}),
        );
        for (value, valid) in [(json!(2), true), (json!(null), true), (json!(1), false), (json!("2"), false)]
        {
            assert_eq!(is_valid(&old, &value), valid, "{value}");
        }
        let new = schemas("3.1.0", json!({"type": ["integer", "null"], "exclusiveMinimum": 1}));
        assert!(is_valid(&new, &json!(null)) && !is_valid(&new, &json!(1)));
    }

    #[test]
    fn what_is_only_written_is_not_required_in_answers() {
        let schema = json!({"type": "object", "required": ["a", "b"],
            "properties": {"a": {"type": "string"}, "b": {"$ref": "#/components/schemas/B"}}});
        let schemas = schemas("3.0.0", schema);
        assert!(is_valid(&schemas, &json!({"a": "x"})) && !is_valid(&schemas, &json!({"b": "x"})));
    }

    #[test]
    fn schemas_that_contain_themselves_or_are_elsewhere_judge_nothing_wrongly() {
        let recursive = schemas(
            "3.0.0",
            json!({"type": "object", "properties": {"next": {"$ref": "#/components/schemas/A"}}}),
        );
        let (place, detail) =
            recursive.contradiction("/components/schemas/A", &json!({"next": {"next": 1}})).expect("wrong");
        assert!(place.contains("type") && detail.starts_with("/next/next: "), "{place} {detail}");
        let elsewhere = schemas("3.0.0", json!({"$ref": "https://example.org/a.json"}));
        assert!(is_valid(&elsewhere, &json!(1)));
    }
}
