//! Licence texts of what a bundle contains.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::bundle::tree::Tree;

/// Directory of the texts.
const DIRECTORY: &str = "licences";

/// Ours. AFL++ is under the first of them.
const TEXTS: [(&str, &str); 2] = [
    ("LICENSE-APACHE", include_str!("../../LICENSE-APACHE")),
    ("LICENSE-MIT", include_str!("../../LICENSE-MIT")),
];

/// Explanation beside the texts.
const OVERVIEW: &str = "\
sockfuzz (NAME_fuzzer_files/bin/sockfuzz.bin, libsockfuzz_preload.so, libsockfuzz_mutator.so, the launchers): LICENSE-APACHE or LICENSE-MIT, \
at your choice. Their dependencies are listed in the Cargo.lock of that version; deny.toml in its sources names the licences.
AFL++ (bin/afl-*): LICENSE-APACHE. https://github.com/AFLplusplus/AFLplusplus
Libraries in lib and files in root: those of the packages in this directory, where they came from a package; \
the others are your own.
";

/// Adds the texts: ours, and those of the Debian packages that the files came from.
///
/// # Errors
/// When one cannot be written.
pub fn add(tree: &mut Tree, files_directory: &Path, files: &[PathBuf]) -> Result<BTreeSet<String>> {
    let directory = files_directory.join(DIRECTORY);
    for (name, text) in TEXTS {
        tree.write(directory.join(name), text.as_bytes())?;
    }
    tree.write(directory.join("README"), OVERVIEW.as_bytes())?;
    let packages = packages_of(files);
    for package in &packages {
        let name = package.split(':').next().unwrap_or(package);
        let text = Path::new("/usr/share/doc").join(name).join("copyright");
        if text.is_file() {
            tree.copy(directory.join(name), &text)?;
        }
    }
    Ok(packages)
}

/// Returns the names of the packages that own the files; none where there is no dpkg.
fn packages_of(files: &[PathBuf]) -> BTreeSet<String> {
    // With merged /usr, the package may know a file by its other name (file-hierarchy(7)).
    let names: BTreeMap<_, _> =
        files.iter().flat_map(|file| both_names(file)).map(|name| (name, ())).collect();
    if names.is_empty() {
        return BTreeSet::new();
    }
    let output = Command::new("dpkg-query").arg("--search").args(names.keys()).output();
    let listed =
        output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    let owners = listed.lines().filter_map(|line| line.split_once(": "));
    owners.flat_map(|(packages, _)| packages.split(", ")).map(str::to_owned).collect()
}

fn both_names(file: &Path) -> Vec<PathBuf> {
    let resolved = file.canonicalize().unwrap_or_else(|_| file.to_owned());
    let other = match resolved.strip_prefix("/usr") {
        Ok(relative) => Path::new("/").join(relative),
        Err(_) => resolved.clone(),
    };
    vec![resolved, other]
}
