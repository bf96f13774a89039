//! Options of the preload that users may set, and the values of their flags.

use std::path::Path;

use sockfuzz_protocol::{OptionSpec, Options, specs};

/// Separator of the entries of a list.
pub(super) const LIST_SEPARATOR: &str = ":";

/// Options for users. sockfuzz itself sets the others.
pub(super) fn user_specs() -> impl Iterator<Item = &'static OptionSpec> {
    let internal = [
        &specs::MODE,
        &specs::BATCH,
        &specs::ANSWERS,
        &specs::TIME_LIMIT,
        &specs::STATUS,
        &specs::ANSWER_RING,
        &specs::CRASHES,
        &specs::HISTORIES,
        &specs::WRITE_COVERAGE,
        &specs::RECORDING,
        &specs::KEY_LOG,
    ];
    let internal = internal.map(|spec| spec.flag);
    specs::ALL.iter().copied().filter(move |spec| !internal.contains(&spec.flag))
}

/// Whether the flag of this option may be repeated.
pub(super) fn is_list(spec: &OptionSpec) -> bool {
    [specs::WRITABLE.flag, specs::RELOCATE.flag].contains(&spec.flag)
}

/// Whether the value of this option is a path.
fn is_path(spec: &OptionSpec) -> bool {
    spec.flag == specs::CLIENT_CERTIFICATE.flag
}

/// Returns the value of an option, with its paths below `directory` unless they are absolute.
#[must_use]
pub fn with_paths_below(directory: &Path, flag: &str, value: &str) -> String {
    let below = |path: &str| directory.join(path).to_string_lossy().into_owned();
    let below = |entry: &str| match entry.split_once('=') {
        // Of a pair, the first path is the server's own.
        Some((old, new)) if flag == specs::RELOCATE.flag => format!("{old}={}", below(new)),
        _ => below(entry),
    };
    let spec = user_specs().find(|spec| spec.flag == flag);
    match spec.is_some_and(|spec| is_list(spec) || is_path(spec)) {
        true => value.split(LIST_SEPARATOR).map(below).collect::<Vec<_>>().join(LIST_SEPARATOR),
        false => value.to_owned(),
    }
}

/// Checks the value of a flag. Paths of a list become absolute, because the server may have another working directory.
pub(super) fn parse(spec: &'static OptionSpec, value: &str) -> Result<String, String> {
    let here = std::env::current_dir().map_err(|error| format!("the working directory is gone: {error}"))?;
    let value = with_paths_below(&here, spec.flag, value);
    let only = |variable: &str| (variable == spec.variable).then(|| value.clone());
    Options::from_lookup(only).map_err(|error| error.to_string())?;
    Ok(value)
}

/// Whether the environment sets the option with this flag, by its name in this release or the previous one.
#[must_use]
pub fn is_in_environment(flag: &str) -> bool {
    let is_set = |variable| std::env::var_os(variable).is_some_and(|value| !value.is_empty());
    let spec = user_specs().find(|spec| spec.flag == flag);
    spec.is_some_and(|spec| {
        is_set(spec.variable) || spec.former.is_some_and(|former| is_set(former.variable))
    })
}
