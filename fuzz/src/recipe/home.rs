//! Temporary directory in which one row of a server runs: configuration for a free port, documents, and
//! temporary files.

use std::collections::BTreeMap;
use std::fs::Permissions;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use tempfile::TempDir;

use sockfuzz_protocol::{SandboxMode, specs};

use super::definition::{RECIPES, Recipe, RecipeRow};
use crate::options::PreloadOptions;
use crate::server::Server;
use crate::util::certificates::CertificateSet;
use crate::util::printable::last_lines;
use crate::util::problem::Problem;
use crate::util::workspace::Workspace;

/// Maximum number of lines of the output of `render` that a message repeats.
const MAX_OUTPUT_LINES: usize = 4;

/// Directory of the certificates, below that of the row.
const CERTIFICATES: &str = "tls";

/// A rendered row. Dropping it removes the directory.
#[derive(Debug)]
pub struct Home {
    /// Command line of the row.
    pub server: Server,
    /// Options of the preload for the row.
    pub options: PreloadOptions,
    version: Vec<String>,
    directory: TempDir,
}

impl Home {
    /// Renders the row for this program and a free port.
    ///
    /// # Errors
    /// Settings or options of the recipe that `render` or the preload do not accept.
    pub fn render(workspace: &Workspace, recipe: &Recipe, row: &RecipeRow, program: PathBuf) -> Result<Self> {
        Self::render_for(workspace, recipe, row, program, free_port()?)
    }

    /// Renders the row for this program and this port.
    ///
    /// # Errors
    /// As for [`Home::render`].
    pub fn render_for(
        workspace: &Workspace,
        recipe: &Recipe,
        row: &RecipeRow,
        program: PathBuf,
        port: u16,
    ) -> Result<Self> {
        // Workers that drop root privileges must be able to read the directory.
        let directory =
            tempfile::Builder::new().permissions(Permissions::from_mode(0o755)).tempdir_in("/tmp")?;
        if row.tls {
            CertificateSet::make(&directory.path().join(CERTIFICATES), false)?;
        }
        let output = Command::new(workspace.path(RECIPES).join("render"))
            .args(row.tls.then_some("--tls"))
            .arg(&recipe.name)
            .arg(directory.path())
            .arg(port.to_string())
            .args(row.settings.iter().map(|(key, value)| format!("{key}={value}")))
            .stdin(Stdio::null())
            .output()
            .context("cannot start render")?;
        if !output.status.success() {
            let stderr = last_lines(&output.stderr, MAX_OUTPUT_LINES).join("\n  ");
            let remedy = format!("fix the settings in {RECIPES}/{}/server.toml", recipe.name);
            return Err(Problem::failed(stderr, remedy).into());
        }
        let placeholders = Placeholders {
            program: &program,
            home: directory.path(),
            recipe: &recipe.directory(workspace),
            target: &recipe.target(workspace),
            port,
        };
        let arguments = row.arguments.as_ref().unwrap_or(&recipe.arguments);
        let arguments = arguments.iter().map(|word| placeholders.fill_in(word).into()).collect();
        let version = recipe.version.iter().map(|word| placeholders.fill_in(word)).collect();
        let options: BTreeMap<_, _> =
            row.options.iter().map(|(flag, value)| (flag.clone(), placeholders.fill_in(value))).collect();
        let options = PreloadOptions::default()
            .with(specs::SANDBOX.variable, SandboxMode::Auto.to_string())
            .with(specs::WRITABLE.variable, directory.path().display().to_string())
            .with_flags(&options)
            .map_err(|error| {
                Problem::failed(error, format!("fix the options in {RECIPES}/{}/server.toml", recipe.name))
            })?;
        Ok(Self { server: Server::new(program, arguments), options, version, directory })
    }

    /// Returns the path of the directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Returns the version that the server prints, or an empty string if it prints none.
    #[must_use]
    pub fn version(&self) -> String {
        let Some((program, arguments)) = self.version.split_first() else { return String::new() };
        let output = Command::new(program).args(arguments).stdin(Stdio::null()).output();
        output
            .map(|output| [output.stdout, output.stderr].concat())
            .ok()
            .and_then(|text| dotted_number(&String::from_utf8_lossy(&text)))
            .unwrap_or_default()
    }
}

/// Values of the placeholders in a recipe.
struct Placeholders<'a> {
    program: &'a Path,
    home: &'a Path,
    recipe: &'a Path,
    target: &'a Path,
    port: u16,
}

impl Placeholders<'_> {
    fn fill_in(&self, word: &str) -> String {
        let Self { program, home, recipe, target, port } = self;
        word.replace("{program}", &program.to_string_lossy())
            .replace("{home}", &home.to_string_lossy())
            .replace("{recipe}", &recipe.to_string_lossy())
            .replace("{target}", &target.to_string_lossy())
            .replace("{port}", &port.to_string())
    }
}

/// Returns the first number that contains a dot.
fn dotted_number(text: &str) -> Option<String> {
    text.split(|c: char| !c.is_ascii_digit() && c != '.')
        .map(|word| word.trim_matches('.'))
        .find(|word| word.contains('.'))
        .map(str::to_owned)
}

/// Returns a port that is free now.
fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port")?;
    Ok(listener.local_addr()?.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found_in_the_output_of_servers() {
        let found = |text| dotted_number(text).expect("a version");
        assert_eq!(found("nginx version: nginx/1.22.1\n"), "1.22.1");
        assert_eq!(found("Server version: Apache/2.4.68 (Debian)\nServer built: …"), "2.4.68");
        assert_eq!(found("HAProxy version 2.6.12-1+deb12u3 2025/04/01"), "2.6.12");
        assert_eq!(found("v20.1.0"), "20.1.0");
        assert_eq!(dotted_number("no version. 7"), None);
    }

    #[test]
    fn a_row_is_rendered_with_its_settings_and_removed() {
        let workspace = Workspace::find().expect("tests run in the workspace");
        let recipes = Recipe::all(&workspace).expect("readable");
        let nginx = recipes.iter().find(|recipe| recipe.name == "nginx").expect("bundled");
        let poll = nginx.rows.iter().find(|row| row.name == "poll").expect("declared");
        let home = Home::render(&workspace, nginx, poll, "/bin/true".into()).expect("rendered");
        let path = home.path().to_owned();
        let configuration = std::fs::read_to_string(path.join("nginx.conf")).expect("written");
        assert!(configuration.contains("use poll;"), "{configuration}");
        assert!(
            home.server.command_line().contains(&*path.to_string_lossy()),
            "{}",
            home.server.command_line()
        );
        drop(home);
        assert!(!path.exists());
    }

    #[test]
    fn a_row_with_tls_has_certificates_and_a_listener_that_uses_them() {
        let workspace = Workspace::find().expect("tests run in the workspace");
        let recipes = Recipe::all(&workspace).expect("readable");
        let nginx = recipes.iter().find(|recipe| recipe.name == "nginx").expect("bundled");
        for row in &nginx.rows {
            let home = Home::render(&workspace, nginx, row, "/bin/true".into()).expect("rendered");
            let configuration = std::fs::read_to_string(home.path().join("nginx.conf")).expect("written");
            let certificate = home.path().join("tls/server.crt");
            assert_eq!(certificate.exists(), row.tls);
            assert_eq!(configuration.contains(&*certificate.to_string_lossy()), row.tls, "{configuration}");
            assert!(!configuration.contains('@'), "{configuration}");
        }
    }
}
