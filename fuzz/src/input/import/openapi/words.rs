//! Words of a description, for a dictionary: segments of paths, names of parameters and properties, values, media types.

use std::collections::BTreeSet;

use serde_json::Value;

/// Maximum length of a word in AFL++'s dictionaries (`MAX_DICT_FILE`).
const MAX_WORD_BYTES: usize = 128;

/// Returns the words of a description.
pub(super) fn words(document: &Value) -> BTreeSet<String> {
    let mut words = BTreeSet::new();
    for path in document.get("paths").and_then(Value::as_object).into_iter().flat_map(|paths| paths.keys()) {
        let segments = path.split('/').filter(|segment| !segment.is_empty() && !segment.contains('{'));
        words.extend(segments.map(|segment| format!("/{segment}")));
    }
    collect(document, &mut words);
    words.retain(|word| !word.is_empty() && word.len() <= MAX_WORD_BYTES);
    words
}

fn collect(value: &Value, words: &mut BTreeSet<String>) {
    let Value::Object(members) = value else {
        value.as_array().into_iter().flatten().for_each(|element| collect(element, words));
        return;
    };
    let text = |name: &str| members.get(name).and_then(Value::as_str);
    // A parameter, or the API key of a security scheme.
    if let (Some(name), Some(place)) = (text("name"), text("in")) {
        words.insert(match place {
            "header" => format!("{name}: "),
            "query" | "cookie" => format!("{name}="),
            _ => String::new(),
        });
    }
    for (name, member) in members {
        match (name.as_str(), member) {
            ("enum", Value::Array(values)) => words.extend(values.iter().filter_map(word)),
            ("const", value) => words.extend(word(value)),
            ("properties", Value::Object(properties)) => {
                words.extend(properties.keys().map(|property| format!("\"{property}\":")));
            }
            ("content", Value::Object(types)) => {
                words.extend(types.keys().filter(|media_type| !media_type.contains('*')).cloned());
            }
            _ => {}
        }
        collect(member, words);
    }
}

fn word(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_and_values_become_words_in_the_form_of_requests() {
        let words = words(&json!({"paths": {"/notes/{id}/parts": {"put": {
            "parameters": [{"name": "sort", "in": "query", "schema": {"enum": ["new", 7]}},
                           {"name": "X-Key", "in": "header"}, {"name": "id", "in": "path"}],
            "requestBody": {"content": {"application/json": {"schema": {"properties": {"title": {}}}}}},
        }}}}));
        let expected = ["\"title\":", "/notes", "/parts", "7", "X-Key: ", "application/json", "new", "sort="];
        assert_eq!(words.into_iter().collect::<Vec<_>>(), expected);
    }
}
