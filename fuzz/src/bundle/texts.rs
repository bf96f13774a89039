//! Scripts and texts at the top of a bundle.

use anyhow::Result;
use minijinja::{Environment, context};

use crate::bundle::tree::Tree;

/// Scripts, each of which runs one subcommand of sockfuzz.
const COMMANDS: [(&str, &str); 4] =
    [("run", "fuzz"), ("check", "check"), ("replay", "replay"), ("triage", "triage")];

/// Marker by which ClusterFuzz turns on cmplog.
const CMPLOG_MARKER: &str = "afl_cmplog.txt";

/// Values of the templates.
#[derive(Debug)]
pub struct BundleTexts<'a> {
    /// Name of the bundle.
    pub name: &'a str,
    /// Command line of the server.
    pub server: &'a str,
    /// Newest version of the GNU C library that it needs.
    pub glibc: &'a str,
}

impl BundleTexts<'_> {
    /// Writes the scripts and texts.
    ///
    /// # Errors
    /// When one cannot be written.
    pub fn write(&self, tree: &mut Tree) -> Result<()> {
        let Self { name, server, glibc } = *self;
        let mut templates = Environment::new();
        templates.add_template("script", include_str!("templates/script.sh"))?;
        templates.add_template("README.md", include_str!("templates/README.md"))?;
        for (script, command) in COMMANDS {
            let text = templates.get_template("script")?.render(context! { script, command })? + "\n";
            tree.write_program(script, text.as_bytes())?;
        }
        let readme = templates.get_template("README.md")?.render(context! { name, server, glibc })? + "\n";
        tree.write("README.md", readme.as_bytes())?;
        tree.write(format!("{name}_fuzzer.options"), include_bytes!("templates/fuzzer.options"))?;
        tree.write(CMPLOG_MARKER, b"")?;
        Ok(())
    }
}
