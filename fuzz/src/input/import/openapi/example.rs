//! Example values: those of the description, or the plainest ones that its schemas allow.

use std::cell::Cell;

use oas3::Spec;
use oas3::spec::{
    Example, MediaType, ObjectOrReference, ObjectSchema, Parameter, Schema, SchemaType, SchemaTypeSet,
};
use serde_json::{Map, Number, Value, json};

use super::pattern::matching_text;

/// Depth from which on only what is required is made: schemas may contain themselves.
const MAX_DEPTH: usize = 4;
/// Depth at which a value ends in any case.
const END_DEPTH: usize = 12;
/// Largest minimum length of a list or text that is kept.
const MAX_MINIMUM: u64 = 1000;

/// Source of example values.
pub(super) struct Examples<'a> {
    spec: &'a Spec,
    /// Which alternative of schemas that have several is taken: values of an enumeration, true and false, `oneOf`. Beyond 0, they
    /// go before examples and defaults.
    alternative: usize,
    /// Largest number of alternatives so far.
    alternatives: Cell<usize>,
}

impl<'a> Examples<'a> {
    pub(super) fn new(spec: &'a Spec, alternative: usize) -> Self {
        Self { spec, alternative, alternatives: Cell::new(1) }
    }

    /// Returns the largest number of alternatives that a schema of the values so far has.
    pub(super) fn alternatives(&self) -> usize {
        self.alternatives.get()
    }

    fn choose<'v, T>(&self, all: &'v [T]) -> Option<&'v T> {
        self.alternatives.set(self.alternatives.get().max(all.len()));
        all.get(self.alternative % all.len().max(1))
    }

    /// Returns a value for a parameter.
    pub(super) fn parameter(&self, parameter: &Parameter) -> Value {
        let named = parameter.examples.values().filter_map(|example| example.resolve(self.spec).ok());
        let given = parameter.example.clone().or_else(|| first_value(named));
        given.unwrap_or_else(|| match (&parameter.schema, &parameter.content) {
            (Some(schema), _) => self.value(schema, true, 0),
            (None, Some(content)) => content
                .values()
                .next()
                .map_or(json!("a"), |media| Value::String(self.body(media, true).to_string())),
            (None, None) => json!("a"),
        })
    }

    /// Returns a body; a `whole` one has the members that are not required, too.
    pub(super) fn body(&self, media_type: &MediaType, whole: bool) -> Value {
        let given = first_value(media_type.examples(self.spec).values().cloned());
        given.filter(|_| whole && self.alternative == 0).unwrap_or_else(|| {
            media_type.schema.as_ref().map_or(json!({}), |schema| self.value(schema, whole, 0))
        })
    }

    fn value(&self, schema: &Schema, whole: bool, depth: usize) -> Value {
        let Ok(Schema::Object(resolved)) = schema.resolve(self.spec) else { return json!({}) };
        let ObjectOrReference::Object(schema) = *resolved else { return Value::Null };
        if depth > END_DEPTH {
            return Value::Null;
        }
        let kind = match &schema.schema_type {
            Some(SchemaTypeSet::Single(kind)) => Some(*kind),
            Some(SchemaTypeSet::Multiple(kinds)) => kinds.first().copied(),
            None if !schema.properties.is_empty() => Some(SchemaType::Object),
            None => None,
        };
        let given = [&schema.example, &schema.default, &schema.const_value].into_iter().flatten().next();
        let given = given.or(schema.examples.first());
        let enumerated = match (kind, given) {
            // The first alternative to the usual value is the other one.
            (Some(SchemaType::Boolean), Some(Value::Bool(usual)))
                if schema.enum_values.is_empty() && schema.const_value.is_none() =>
            {
                self.choose(&[*usual, !*usual]).map(|value| Value::Bool(*value))
            }
            _ => self.choose(&schema.enum_values).cloned(),
        };
        let given = given.cloned();
        let given = if self.alternative > 0 { enumerated.or(given) } else { given.or(enumerated) };
        if let Some(given) = given {
            return given;
        }
        if !schema.all_of.is_empty() {
            return self.merged(&schema, whole, depth);
        }
        if let Some(one) = self.choose(&schema.one_of).or(self.choose(&schema.any_of)) {
            return self.value(one, whole, depth + 1);
        }
        match kind {
            Some(SchemaType::Boolean) => Value::Bool(self.choose(&[true, false]) != Some(&false)),
            Some(SchemaType::Integer | SchemaType::Number) => Value::Number(number(&schema)),
            Some(SchemaType::Array) => {
                let count = schema.min_items.unwrap_or(1).clamp(u64::from(depth < MAX_DEPTH), MAX_MINIMUM);
                let element =
                    schema.items.as_ref().map_or(Value::Null, |items| self.value(items, whole, depth + 1));
                Value::Array(vec![element; count as usize])
            }
            Some(SchemaType::Object) => Value::Object(self.members(&schema, whole, depth)),
            Some(SchemaType::Null) => Value::Null,
            Some(SchemaType::String) | None => Value::String(text(&schema)),
        }
    }

    fn members(&self, schema: &ObjectSchema, whole: bool, depth: usize) -> Map<String, Value> {
        let is_made = |name: &String| (whole && depth < MAX_DEPTH) || schema.required.contains(name);
        let made = schema.properties.iter().filter(|(name, _)| is_made(name));
        made.map(|(name, schema)| (name.clone(), self.value(schema, whole, depth + 1))).collect()
    }

    /// Returns an object with the members of all parts.
    fn merged(&self, schema: &ObjectSchema, whole: bool, depth: usize) -> Value {
        let mut members = Map::new();
        for part in &schema.all_of {
            match self.value(part, whole, depth + 1) {
                Value::Object(own) => members.extend(own),
                other if schema.all_of.len() == 1 => return other,
                _ => {}
            }
        }
        members.extend(self.members(schema, whole, depth));
        Value::Object(members)
    }
}

fn first_value(examples: impl IntoIterator<Item = Example>) -> Option<Value> {
    examples.into_iter().find_map(|example| example.value)
}

/// Returns 1, or the number within the limits that is nearest to it, and a multiple of what it has to be one of, if there
/// is one near.
fn number(schema: &ObjectSchema) -> Number {
    let limit = |number: &Option<Number>| number.as_ref().and_then(Number::as_f64);
    let lowest = limit(&schema.minimum).or(limit(&schema.exclusive_minimum).map(|limit| limit + 1.0));
    let highest = limit(&schema.maximum).or(limit(&schema.exclusive_maximum).map(|limit| limit - 1.0));
    let near = 1.0_f64.max(lowest.unwrap_or(f64::MIN)).min(highest.unwrap_or(f64::MAX));
    let is_allowed =
        |number: &f64| lowest.is_none_or(|it| *number >= it) && highest.is_none_or(|it| *number <= it);
    let step = limit(&schema.multiple_of).filter(|step| *step > 0.0);
    let multiples = step.map(|step| [(near / step).ceil() * step, (near / step).floor() * step]);
    let number = multiples.into_iter().flatten().find(is_allowed).unwrap_or(near);
    match number.fract() == 0.0 && number.abs() < 9e15 {
        true => Number::from(number as i64),
        false => Number::from_f64(number).unwrap_or(Number::from(1)),
    }
}

/// Returns a text with the pattern or in the format of the schema, as long as it requires.
fn text(schema: &ObjectSchema) -> String {
    let least = usize::try_from(schema.min_length.unwrap_or(0).min(MAX_MINIMUM)).unwrap_or_default();
    if let Some(text) = schema.pattern.as_ref().and_then(|pattern| matching_text(pattern, least)) {
        return text;
    }
    let text = match schema.format.as_deref().unwrap_or_default() {
        "date-time" => "2024-02-29T12:30:00Z",
        "date" => "2024-02-29",
        "time" => "12:30:00Z",
        "duration" => "P1D",
        "uuid" => "6ba7b810-9dad-11d1-80b4-00c04fd430c8",
        "email" | "idn-email" => "a@example.org",
        "hostname" | "idn-hostname" => "example.org",
        "ipv4" => "127.0.0.1",
        "ipv6" => "::1",
        "uri" | "url" | "iri" => "http://example.org/a",
        "uri-reference" | "iri-reference" => "/a",
        "byte" => "YQ==",
        _ => "name",
    };
    let longest = schema.max_length.unwrap_or(u64::MAX);
    let repeated = text.chars().cycle().take(least.max(text.len()));
    repeated.take(usize::try_from(longest).unwrap_or(usize::MAX)).collect()
}
