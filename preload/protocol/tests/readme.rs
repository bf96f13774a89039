//! Checks that the table of options in the preload's README matches their declarations.

use sockfuzz_protocol::{OptionSpec, specs};

fn row(spec: &OptionSpec) -> String {
    let values = spec.value.replace('|', r"\|");
    let default = if spec.default.is_empty() { "–" } else { spec.default };
    format!("| `{}={values}` | {default} | {} |\n", spec.variable, spec.meaning)
}

#[test]
fn options_in_the_readme_are_current() {
    let table: String = specs::ALL.iter().map(|spec| row(spec)).collect();
    let readme = include_str!("../../README.md");
    assert!(readme.contains(&table), "preload/README.md should have these rows:\n{table}");
}
