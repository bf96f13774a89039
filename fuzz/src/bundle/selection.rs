//! Choice of what belongs into a bundle: from the paths that the server used.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use crate::bundle::accesses::{Accesses, Use};
use crate::bundle::machine;
use crate::util::problem::Problem;

/// Maximum number of files in a directory that is taken as a whole.
const MAX_FILES: usize = 20_000;
/// Maximum number of bytes in it.
const MAX_BYTES: u64 = 1 << 30;

/// Parts of a bundle that come from this machine.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Files of the server, at their absolute paths.
    pub files: BTreeSet<PathBuf>,
    /// Directories that must exist, even if they are empty.
    pub directories: BTreeSet<PathBuf>,
    /// Shared libraries that another machine may lack, by their names.
    pub libraries: BTreeMap<OsString, PathBuf>,
    /// Files that the server used and that every machine has of its own.
    pub left: BTreeSet<PathBuf>,
    /// Working directory of the server, if it depends on it.
    pub working_directory: Option<PathBuf>,
}

impl Selection {
    /// Chooses from the accesses of a server that was started in `working_directory`. `own` are paths that are not the
    /// server's, such as those of sockfuzz.
    ///
    /// # Errors
    /// When the server lists a directory that is too large for a bundle.
    pub fn choose(accesses: &Accesses, working_directory: &Path, own: &[PathBuf]) -> Result<Self, Problem> {
        let mut selection = Self::default();
        // The server makes them wherever it runs.
        let made: Vec<_> = accesses.with(Use::Made).filter(|path| machine::is_temporary(path)).collect();
        for (path, uses) in accesses.iter() {
            let is_below = |other: &Path| path.starts_with(other);
            if own.iter().any(|own| is_below(own)) || made.iter().any(|made| is_below(made)) {
                continue;
            }
            if machine::owns(path) {
                selection.left.insert(path.to_owned());
            } else {
                selection.add(path, uses)?;
            }
        }
        if accesses.with(Use::WorkingDirectory).any(|directory| directory == working_directory) {
            selection.directories.insert(working_directory.to_owned());
            selection.working_directory = Some(working_directory.to_owned());
        }
        Ok(selection)
    }

    fn add(&mut self, path: &Path, uses: &BTreeSet<Use>) -> Result<(), Problem> {
        // What is gone was temporary.
        let metadata = fs::metadata(path);
        let is_file = metadata.as_ref().is_ok_and(fs::Metadata::is_file);
        let is_directory = metadata.is_ok_and(|metadata| metadata.is_dir());
        if uses.contains(&Use::Written) || uses.contains(&Use::Made) {
            let directory = if is_directory { Some(path) } else { path.parent() };
            self.directories
                .extend(directory.filter(|it| it.is_dir() && !machine::is_shared(it)).map(Path::to_owned));
        }
        let is_needed = uses.contains(&Use::Read) || uses.contains(&Use::Examined);
        if is_file && is_needed {
            self.add_file(path);
        } else if is_directory && !machine::is_shared(path) {
            self.directories.insert(path.to_owned());
            if uses.contains(&Use::Listed) {
                self.add_all_below(path)?;
            }
        }
        Ok(())
    }

    fn add_file(&mut self, path: &Path) {
        if machine::has_library_name(path)
            && let Some(name) = path.file_name()
        {
            self.libraries.entry(name.to_owned()).or_insert_with(|| path.to_owned());
        }
        if !machine::is_library(path) {
            self.files.insert(path.to_owned());
        }
    }

    /// Adds a file or a directory with everything below it.
    ///
    /// # Errors
    /// When it is too large for a bundle.
    pub fn add_all_below(&mut self, path: &Path) -> Result<(), Problem> {
        let (mut files, mut bytes) = (0, 0);
        for entry in WalkDir::new(path).follow_links(true).into_iter().filter_map(Result::ok) {
            if entry.file_type().is_dir() {
                self.directories.insert(entry.path().to_owned());
            } else if entry.file_type().is_file() {
                files += 1;
                bytes += entry.metadata().map_or(0, |metadata| metadata.len());
                self.files.insert(entry.path().to_owned());
            }
            if files > MAX_FILES || bytes > MAX_BYTES {
                return Err(too_large(path));
            }
        }
        Ok(())
    }

    /// Returns the paths to relocate: directories that are the server's alone, and single files of others.
    #[must_use]
    pub fn relocated(&self) -> Vec<PathBuf> {
        let of_file = |file: &Path| match file.parent() {
            Some(parent) if !machine::is_shared(parent) => parent.to_owned(),
            _ => file.to_owned(),
        };
        let files = self.files.iter().map(|file| of_file(file));
        let own = self.directories.iter().filter(|directory| !machine::is_shared(directory)).cloned();
        // The server's working directory has to be the one in the bundle, whatever else is in it.
        let all: BTreeSet<_> = files.chain(own).chain(self.working_directory.clone()).collect();
        let is_below_another = |path: &Path| path.ancestors().skip(1).any(|ancestor| all.contains(ancestor));
        all.iter().filter(|path| !is_below_another(path)).cloned().collect()
    }
}

fn too_large(path: &Path) -> Problem {
    let shown = path.display();
    Problem::failed(
        format!("the server lists {shown}, which holds more than {MAX_FILES} files or 1 GiB"),
        "start the server in a directory, and with a configuration, that holds only its own files",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Directory with the files of a server.
    fn server() -> (tempfile::TempDir, PathBuf) {
        let directory = tempfile::tempdir().expect("a directory");
        let root = directory.path().join("opt/app");
        for file in
            ["bin/server", "conf/a.conf", "www/index.html", "www/sub/page.html", "lib/libown.so.1", "log/old"]
        {
            let path = root.join(file);
            fs::create_dir_all(path.parent().expect("a parent")).expect("created");
            fs::write(path, file).expect("written");
        }
        (directory, root)
    }

    fn choose(root: &Path, used: &[(Use, &str)]) -> Selection {
        let mut accesses = Accesses::default();
        used.iter().for_each(|(usage, path)| accesses.add(*usage, &root.join(path)));
        Selection::choose(&accesses, root, &[]).expect("small")
    }

    #[test]
    fn used_files_are_taken_and_listed_directories_as_a_whole() {
        let (_directory, root) = server();
        let selection =
            choose(&root, &[(Use::Read, "bin/server"), (Use::Listed, "www"), (Use::Written, "log/new")]);
        let expected = ["bin/server", "www/index.html", "www/sub/page.html"].map(|file| root.join(file));
        assert_eq!(selection.files, BTreeSet::from(expected));
        assert!(selection.directories.contains(&root.join("log")), "{selection:?}");
        assert_eq!(selection.relocated(), ["bin", "log", "www"].map(|name| root.join(name)));
    }

    #[test]
    fn libraries_are_found_by_name_and_by_path() {
        let (_directory, root) = server();
        let selection = choose(&root, &[(Use::Read, "lib/libown.so.1")]);
        assert_eq!(selection.libraries[&OsString::from("libown.so.1")], root.join("lib/libown.so.1"));
        assert!(selection.files.contains(&root.join("lib/libown.so.1")));
    }

    #[test]
    fn the_working_directory_matters_if_files_are_named_relative_to_it() {
        let (_directory, root) = server();
        assert_eq!(choose(&root, &[(Use::Read, "bin/server")]).working_directory, None);
        let selection = choose(&root, &[(Use::Read, "bin/server"), (Use::WorkingDirectory, "")]);
        assert_eq!(selection.working_directory, Some(root.clone()));
        assert_eq!(selection.relocated(), [root]);
    }

    #[test]
    fn directories_that_the_server_makes_for_temporary_files_are_not_taken() {
        let (_directory, root) = server();
        let selection =
            choose(&root, &[(Use::Made, "log"), (Use::Read, "log/old"), (Use::Read, "conf/a.conf")]);
        assert_eq!(selection.relocated(), [root.join("conf")]);
    }

    #[test]
    fn files_of_the_machine_are_left_to_it() {
        let selection = choose(Path::new("/"), &[(Use::Read, "etc/passwd")]);
        assert!(selection.files.is_empty() && selection.left.contains(Path::new("/etc/passwd")));
    }
}
