//! Coverage of the server's source, as `sockfuzz cover` summarises it in the output directory.

use std::fs;
use std::path::{Component, Path};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::text::visible_text;

/// Path of the summary, relative to the output directory.
const SUMMARY_FILE: &str = "coverage/summary.json";

/// Lines and functions of the server's source that the corpus covers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SourceCoverage {
    /// Lines that are covered.
    pub lines_covered: u64,
    /// Lines with code.
    pub lines_total: u64,
    /// Functions that are covered.
    pub functions_covered: u64,
    /// Functions.
    pub functions_total: u64,
    /// Path of the annotated source as HTML, relative to the output directory.
    pub index: Option<String>,
}

/// Reads the summary. Returns `None` if there is none.
///
/// # Errors
/// A summary that is not what sockfuzz writes.
pub fn read(out: &Path) -> Result<Option<SourceCoverage>, String> {
    let Ok(text) = fs::read(out.join(SUMMARY_FILE)) else { return Ok(None) };
    let summary: SourceCoverage = serde_json::from_slice(&text)
        .map_err(|error| visible_text(&format!("{SUMMARY_FILE} cannot be used: {error}")).into_owned())?;
    let index = summary.index.filter(|index| out.join(index).is_file() && is_inside(Path::new(index)));
    Ok(Some(SourceCoverage { index, ..summary }))
}

/// Whether a relative path stays below its directory.
fn is_inside(path: &Path) -> bool {
    path.components().all(|component| matches!(component, Component::Normal(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_index_inside_is_linked() {
        let directory = tempfile::tempdir().expect("tempdir");
        let out = directory.path().join("out");
        fs::create_dir_all(out.join("coverage")).expect("mkdir");
        assert_eq!(read(&out), Ok(None));
        fs::write(out.join("coverage/index.html"), "x").expect("write");
        fs::write(directory.path().join("secret"), "x").expect("write");
        for (index, linked) in [("coverage/index.html", true), ("../secret", false), ("/etc/passwd", false)] {
            let text = format!(
                r#"{{"lines_covered":1,"lines_total":2,"functions_covered":0,"functions_total":1,"index":"{index}"}}"#
            );
            fs::write(out.join(SUMMARY_FILE), text).expect("write");
            let summary = read(&out).expect("valid").expect("there");
            assert_eq!(summary.index.is_some(), linked, "{index}");
        }
        fs::write(out.join(SUMMARY_FILE), "{").expect("write");
        read(&out).expect_err("half-written");
    }
}
