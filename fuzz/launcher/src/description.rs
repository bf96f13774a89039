//! Description of a bundle: the file that `sockfuzz bundle` writes and the launcher reads.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// Ending of the name of a fuzz target (ClusterFuzz's bot/fuzzers/utils.py).
pub const TARGET_ENDING: &str = "_fuzzer";
/// Ending of the name of the directory with everything that is not started by hand, after the name of the target. Where
/// bots unpack only what one target needs, they keep what begins with its name.
pub const FILES_ENDING: &str = "_files";
/// File in that directory with the description.
pub const FILE: &str = "bundle.toml";
/// Directory in it with programs and our own libraries.
pub const PROGRAMS: &str = "bin";
/// Directory in it with shared libraries of the system on which the bundle was made.
pub const LIBRARIES: &str = "lib";
/// Directory in it with the files of the server, each at its absolute path.
pub const ROOT: &str = "root";

/// What a bundle runs, and what it needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Description {
    /// Name of the bundle: that of its target is `NAME_fuzzer`.
    pub name: String,
    /// Version of sockfuzz that made it.
    pub sockfuzz: String,
    /// Newest version of the GNU C library that any of its files needs, such as `2.34`.
    pub glibc: String,
    /// The server.
    pub server: ServerEntry,
    /// Variables of the preload, and those that the server is given.
    pub options: BTreeMap<String, String>,
}

/// The server of a bundle. All paths are those of the machine on which it was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerEntry {
    /// Absolute path of the program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Working directory, if the server opens files relative to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub directory: Option<PathBuf>,
    /// Shared runtime of its sanitizer, which is preloaded first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sanitizer: Option<String>,
    /// Files and directories that the server finds in the bundle instead.
    pub relocated: Vec<PathBuf>,
}

/// Bundle on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    /// Directory with everything that is not started by hand, an absolute path.
    pub files: PathBuf,
    /// Its description.
    pub description: Description,
}

/// Reason why a directory is no usable bundle.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// The description is missing or cannot be read.
    #[error("{0} cannot be read: {1}")]
    Unreadable(PathBuf, std::io::Error),
    /// The description does not have the expected form.
    #[error("{0} is damaged: {1}")]
    Damaged(PathBuf, String),
}

impl Bundle {
    /// Opens a bundle by its directory of files.
    ///
    /// # Errors
    /// When its description is missing or damaged.
    pub fn open(files: PathBuf) -> Result<Self, BundleError> {
        let file = files.join(FILE);
        let text = fs::read_to_string(&file).map_err(|error| BundleError::Unreadable(file.clone(), error))?;
        let description =
            toml::from_str(&text).map_err(|error| BundleError::Damaged(file, error.message().to_owned()))?;
        Ok(Self { files, description })
    }

    /// Opens the bundle whose launcher has this path. A target has its own files; tools take those of any target beside them.
    ///
    /// # Errors
    /// When there is none, or its description is damaged.
    pub fn of_launcher(launcher: &Path) -> Result<Self, BundleError> {
        let directory = launcher.parent().unwrap_or(Path::new("/"));
        let name = launcher.file_name().unwrap_or_default().to_string_lossy();
        if name.ends_with(TARGET_ENDING) {
            return Self::open(directory.join(format!("{name}{FILES_ENDING}")));
        }
        let unreadable = |error| BundleError::Unreadable(directory.to_owned(), error);
        let entries = fs::read_dir(directory).map_err(unreadable)?;
        let ending = format!("{TARGET_ENDING}{FILES_ENDING}");
        let is_files =
            |path: &PathBuf| path.to_string_lossy().ends_with(&ending) && path.join(FILE).is_file();
        let first = entries.flatten().map(|entry| entry.path()).filter(is_files).min();
        Self::open(first.ok_or_else(|| unreadable(std::io::ErrorKind::NotFound.into()))?)
    }

    /// Opens the bundle that contains a program in its directory of programs; `None` for any other program.
    #[must_use]
    pub fn of_program(program: &Path) -> Option<Self> {
        let programs = program.parent().filter(|programs| programs.ends_with(PROGRAMS))?;
        let files = programs.parent()?;
        files.join(FILE).is_file().then(|| Self::open(files.to_owned()).ok()).flatten()
    }

    /// Returns the directory with all of the bundle.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.files.parent().unwrap_or(&self.files)
    }

    /// Returns the path of the fuzz target.
    #[must_use]
    pub fn target(&self) -> PathBuf {
        self.directory().join(format!("{}{TARGET_ENDING}", self.description.name))
    }

    /// Returns a path below the directory of files.
    #[must_use]
    pub fn inside(&self, relative: &str) -> PathBuf {
        self.files.join(relative)
    }

    /// Returns a program of the bundle, or one of our own libraries.
    #[must_use]
    pub fn program(&self, name: &str) -> PathBuf {
        self.inside(PROGRAMS).join(name)
    }

    /// Returns where a path of the machine that made the bundle is now.
    #[must_use]
    pub fn relocate(&self, original: &Path) -> PathBuf {
        if original.starts_with(self.directory()) {
            return original.to_owned();
        }
        let relocated = &self.description.server.relocated;
        match (relocated.iter().any(|prefix| original.starts_with(prefix)), original.strip_prefix("/")) {
            (true, Ok(relative)) => self.inside(ROOT).join(relative),
            _ => original.to_owned(),
        }
    }

    /// Returns the path of the server's program.
    #[must_use]
    pub fn server_program(&self) -> PathBuf {
        self.relocate(&self.description.server.program)
    }

    /// Returns the working directory of the server, if it depends on it.
    #[must_use]
    pub fn server_directory(&self) -> Option<PathBuf> {
        self.description.server.directory.as_deref().map(|directory| self.relocate(directory))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn description() -> Description {
        Description {
            name: "nginx".to_owned(),
            sockfuzz: "0.2.0".to_owned(),
            glibc: "2.34".to_owned(),
            server: ServerEntry {
                program: "/opt/nginx/sbin/nginx".into(),
                arguments: vec!["-g".to_owned(), "daemon off;".to_owned()],
                directory: Some("/opt/nginx".into()),
                sanitizer: None,
                relocated: vec!["/opt/nginx".into(), "/etc/nginx.conf".into()],
            },
            options: BTreeMap::from([("SOCKFUZZ_INPUT".to_owned(), "session".to_owned())]),
        }
    }

    #[test]
    fn a_description_is_read_as_it_was_written() {
        let text = toml::to_string(&description()).expect("serializable");
        assert_eq!(toml::from_str::<Description>(&text).expect("valid"), description());
    }

    #[test]
    fn only_listed_paths_are_relocated() {
        let bundle = Bundle { files: "/b/nginx_fuzzer_files".into(), description: description() };
        let relocate = |path: &str| bundle.relocate(Path::new(path)).display().to_string();
        assert_eq!(relocate("/opt/nginx/html/a"), "/b/nginx_fuzzer_files/root/opt/nginx/html/a");
        assert_eq!(relocate("/opt/nginx2/a"), "/opt/nginx2/a");
        assert_eq!(relocate("/etc/nginx.conf"), "/b/nginx_fuzzer_files/root/etc/nginx.conf");
        assert_eq!(relocate("/etc/passwd"), "/etc/passwd");
        assert_eq!(bundle.server_program(), Path::new("/b/nginx_fuzzer_files/root/opt/nginx/sbin/nginx"));
    }

    #[test]
    fn a_program_elsewhere_belongs_to_no_bundle() {
        assert_eq!(Bundle::of_program(Path::new("/usr/bin/sockfuzz")), None);
    }

    #[test]
    fn launchers_and_programs_know_their_bundle() {
        let directory = tempfile::tempdir().expect("a directory");
        let files = directory.path().join("nginx_fuzzer_files");
        fs::create_dir_all(files.join(PROGRAMS)).expect("created");
        fs::write(files.join(FILE), toml::to_string(&description()).expect("serializable")).expect("written");
        for launcher in ["nginx_fuzzer", "afl-fuzz"] {
            let bundle = Bundle::of_launcher(&directory.path().join(launcher)).expect("a bundle");
            assert_eq!(bundle.files, files);
            assert_eq!(bundle.target(), directory.path().join("nginx_fuzzer"));
        }
        assert!(Bundle::of_launcher(&directory.path().join("other_fuzzer")).is_err());
        let program = files.join(PROGRAMS).join("sockfuzz");
        assert_eq!(Bundle::of_program(&program).expect("of a bundle").files, files);
    }
}
