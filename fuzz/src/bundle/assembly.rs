//! Assembly of a bundle: the server with its files, sockfuzz and AFL++, seeds, description, scripts and texts.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sockfuzz_launcher::description::{
    Description, FILE, FILES_ENDING, LIBRARIES, PROGRAMS, ROOT, ServerEntry, TARGET_ENDING,
};
use sockfuzz_launcher::launch::DICTIONARY_FILE;
use sockfuzz_protocol::specs;

use crate::bundle::elf::RequiredVersion;
use crate::bundle::programs::FuzzedProgram;
use crate::bundle::selection::Selection;
use crate::bundle::texts::BundleTexts;
use crate::bundle::tree::Tree;
use crate::bundle::{licences, manifest, programs, seed_archive};
use crate::input::corpus::Seed;
use crate::options::PreloadOptions;
use crate::server::Server;
use crate::util::home_bundle::CORPUS;
use crate::util::problem::Problem;

/// What a bundle is made of.
#[derive(Debug)]
pub struct Ingredients<'a> {
    /// Its name.
    pub name: &'a str,
    /// The server.
    pub server: &'a Server,
    /// Whether a sanitizer is built into it.
    pub sanitized: bool,
    /// Parts of this machine that it needs.
    pub selection: &'a Selection,
    /// Options of the preload.
    pub options: &'a PreloadOptions,
    /// Seeds.
    pub seeds: &'a [&'a Seed],
    /// Dictionary.
    pub dictionary: Option<&'a Path>,
}

/// Figures of a bundle.
#[derive(Debug)]
pub struct BundleSummary {
    /// Number of its files.
    pub files: usize,
    /// Their sizes together.
    pub bytes: u64,
    /// Newest version of the GNU C library that it needs.
    pub glibc: String,
}

/// Writes the bundle into an empty directory.
///
/// # Errors
/// Paths that a bundle cannot name, and files that cannot be read or written.
pub fn assemble(ingredients: &Ingredients<'_>, directory: &Path) -> Result<BundleSummary> {
    let Ingredients { name, server, selection, seeds, dictionary, .. } = ingredients;
    let target = format!("{name}{TARGET_ENDING}");
    let files_directory = &Path::new(&format!("{target}{FILES_ENDING}")).to_owned();
    let mut tree = Tree::new(directory.to_owned());

    let fuzzed = FuzzedProgram { program: server.program.clone(), sanitized: ingredients.sanitized };
    let ours = programs::add(&mut tree, files_directory, &target, &fuzzed)?;
    let mut origins = add_server_files(&mut tree, files_directory, selection)?;
    let libraries = ours.iter().chain(origins.iter().filter(|file| file.is_file())).chain([&server.program]);
    let libraries: BTreeMap<_, _> =
        libraries.flat_map(|file| programs::libraries_of(file)).chain(selection.libraries.clone()).collect();
    for (name, library) in &libraries {
        tree.copy(files_directory.join(LIBRARIES).join(name), library)?;
    }
    origins.extend(libraries.into_values());
    let mut required = RequiredVersion::default();
    ours.iter().chain(&origins).for_each(|file| required.add(file));
    let glibc = required.newest();

    for seed in *seeds {
        tree.write(files_directory.join(CORPUS).join(seed_archive::file_name(seed)), &seed.bytes)?;
    }
    tree.write(format!("{target}_seed_corpus.zip"), &seed_archive::pack(seeds)?)?;
    if let Some(dictionary) = dictionary {
        tree.copy_text(files_directory.join(PROGRAMS).join(DICTIONARY_FILE), dictionary)?;
        tree.copy_text(format!("{target}.dict"), dictionary)?;
    }
    let description = describe(ingredients, glibc)?;
    tree.write(files_directory.join(FILE), toml::to_string(&description)?.as_bytes())?;
    let texts = BundleTexts { name, server: &server.command_line(), glibc: &description.glibc };
    texts.write(&mut tree)?;
    let packages = licences::add(&mut tree, files_directory, &origins)?;
    manifest::write(&mut tree, &description, &packages, &selection.left)?;
    Ok(BundleSummary { files: tree.files().len(), bytes: tree.bytes(), glibc: description.glibc })
}

/// Copies the files of the server, and returns where they were.
fn add_server_files(tree: &mut Tree, files_directory: &Path, selection: &Selection) -> Result<Vec<PathBuf>> {
    let root = files_directory.join(ROOT);
    let below = |path: &Path| root.join(path.strip_prefix("/").unwrap_or(path));
    for directory in &selection.directories {
        tree.create_directory(below(directory))?;
    }
    for file in &selection.files {
        tree.copy(below(file), file)?;
    }
    Ok(selection.files.iter().cloned().collect())
}

fn describe(ingredients: &Ingredients<'_>, glibc: String) -> Result<Description> {
    let Ingredients { name, server, selection, options, .. } = ingredients;
    let arguments = server.arguments.iter().map(|argument| {
        argument.to_str().map(str::to_owned).with_context(|| format!("{} is not UTF-8", argument.display()))
    });
    let relocated = selection.relocated();
    if let Some(path) = relocated.iter().find(|path| is_unnameable(path)) {
        let what = format!("{} contains a \":\", a \"=\" or a line break", path.display());
        return Err(Problem::failed(what, "start the server from a path without them").into());
    }
    Ok(Description {
        name: (*name).to_owned(),
        sockfuzz: env!("CARGO_PKG_VERSION").to_owned(),
        glibc,
        server: ServerEntry {
            program: server.program.clone(),
            arguments: arguments.collect::<Result<_>>()?,
            directory: selection.working_directory.clone(),
            sanitizer: server.sanitizer.clone(),
            relocated,
        },
        options: options
            .variables()
            .filter(|(name, _)| *name != specs::STATUS.variable)
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .chain(server.variables.clone())
            .collect(),
    })
}

/// Whether a path cannot stand in the list of relocated paths.
fn is_unnameable(path: &Path) -> bool {
    path.as_os_str().as_encoded_bytes().iter().any(|byte| b":=\n".contains(byte))
}
