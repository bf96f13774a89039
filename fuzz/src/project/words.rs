//! Values of the project file as words of a command line.

use std::any::TypeId;
use std::path::{Path, PathBuf};

use clap::{Arg, ArgAction};
use toml::de::{DeInteger, DeValue};

use super::keys::{SERVER, name};
use crate::options::HEADING;
use crate::options::flags::with_paths_below;

/// Separates the two parts of an entry such as `NAME=VALUE`, which can also be an entry of a table.
const PAIR: char = '=';

/// Whether an argument takes a path.
pub(super) fn is_path(argument: &Arg) -> bool {
    argument.get_value_parser().type_id() == TypeId::of::<PathBuf>()
}

/// Returns the name of an entry that is a pair.
pub(super) fn pair_name(word: &str) -> &str {
    word.split_once(PAIR).map_or(word, |(name, _)| name)
}

/// Returns the words that give a value to an argument. Paths are relative to `base`.
///
/// # Errors
/// A value of a type that the argument does not take: what is expected instead.
pub(super) fn words(argument: &Arg, value: &DeValue<'_>, base: Option<&Path>) -> Result<Vec<String>, String> {
    let name = name(argument);
    if name == SERVER {
        return server(value);
    }
    if !argument.get_action().takes_values() {
        let is_on = value.as_bool().ok_or_else(|| wrong("true or false", value))?;
        return Ok(is_on.then(|| format!("--{name}")).into_iter().collect());
    }
    let texts = texts(argument, value)?;
    let place = |text: String| match base {
        Some(base) if is_path(argument) => base.join(text).to_string_lossy().into_owned(),
        Some(base) => with_paths_below(base, name, &text),
        None => text,
    };
    Ok(texts.into_iter().map(|text| format!("--{name}={}", place(text))).collect())
}

/// Returns the words of the server's command line: an array, or a text that is split like by a shell.
fn server(value: &DeValue<'_>) -> Result<Vec<String>, String> {
    let expected = "a command line, or an array of its words";
    let words = match (value, value.as_array()) {
        (DeValue::String(line), _) => shell_words::split(line).map_err(|error| error.to_string())?,
        (_, Some(words)) => {
            let text = |word: &DeValue<'_>| word.as_str().map(str::to_owned);
            let words = words.iter().map(|word| text(word.get_ref()));
            words.collect::<Option<_>>().ok_or_else(|| wrong(expected, value))?
        }
        _ => return Err(wrong(expected, value)),
    };
    if words.is_empty() { Err(format!("expected {expected}, found no word")) } else { Ok(words) }
}

/// Returns the values of an argument that takes values.
fn texts(argument: &Arg, value: &DeValue<'_>) -> Result<Vec<String>, String> {
    let placeholder = argument.get_value_names().unwrap_or_default().join(" ");
    let is_list = matches!(argument.get_action(), ArgAction::Append);
    let scalar = |value: &DeValue<'_>| match value {
        DeValue::Integer(_) | DeValue::Float(_) if !takes_numbers(argument) => {
            Err(wrong(&format!("{placeholder}, a string"), value))
        }
        _ => scalar(&placeholder, value),
    };
    match value {
        DeValue::Array(values) if is_list => values.iter().map(|value| scalar(value.get_ref())).collect(),
        DeValue::Table(pairs) if is_list && placeholder.contains(PAIR) => pairs
            .iter()
            .map(|(name, value)| Ok(format!("{}{PAIR}{}", name.get_ref(), scalar(value.get_ref())?)))
            .collect(),
        _ => Ok(vec![scalar(value)?]),
    }
}

/// Whether a value can be a number. Options of the preload are texts to the command line, of which some are numbers.
fn takes_numbers(argument: &Arg) -> bool {
    let is_text = argument.get_value_parser().type_id() == TypeId::of::<String>();
    !is_path(argument) && (!is_text || argument.get_help_heading() == Some(HEADING))
}

/// Returns a value that is not composed of others as text.
fn scalar(placeholder: &str, value: &DeValue<'_>) -> Result<String, String> {
    match value {
        DeValue::String(text) => Ok(text.clone().into_owned()),
        DeValue::Integer(number) => {
            decimal(number).ok_or_else(|| wrong("a number of at most 64 bits", value))
        }
        DeValue::Float(number) => Ok(number.as_str().to_owned()),
        DeValue::Boolean(is_on) if placeholder == "on|off" => {
            Ok(if *is_on { "on" } else { "off" }.to_owned())
        }
        _ => Err(wrong(placeholder, value)),
    }
}

fn decimal(number: &DeInteger<'_>) -> Option<String> {
    Some(i64::from_str_radix(number.as_str(), number.radix()).ok()?.to_string())
}

fn wrong(expected: &str, value: &DeValue<'_>) -> String {
    format!("expected {expected}, found: {}", value.type_str())
}
