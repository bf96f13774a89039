//! Modules of a crate, the references between them, and the types that they declare, read from source.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::collector::{Collector, Location, ModulePath, TypeDeclaration};

/// Reference from one module to another one of the same crate.
#[derive(Debug, Clone)]
pub(crate) struct Reference {
    pub(crate) from: ModulePath,
    pub(crate) to: ModulePath,
    pub(crate) location: Location,
}

/// Crate without its tests.
#[derive(Debug, Default)]
pub(crate) struct Modules {
    pub(crate) references: Vec<Reference>,
    pub(crate) types: Vec<TypeDeclaration>,
}

impl Modules {
    /// Reads the `.rs` files of a crate's source directory. Locations are relative to the workspace.
    pub(crate) fn read(workspace: &Path, source_directory: &str) -> Self {
        let mut files = BTreeMap::new();
        read_files(&workspace.join(source_directory), Path::new(""), &mut files);
        Self::parse(Path::new(source_directory), &files)
    }

    /// Parses a crate, given the text of each file by its path below the source directory. The library
    /// and the binary (`lib.rs`, `main.rs`) count as one crate.
    pub(crate) fn parse(source_directory: &Path, files: &BTreeMap<PathBuf, String>) -> Self {
        let mut collector = Collector::new(source_directory, files);
        for root in ["lib.rs", "main.rs"] {
            collector.parse_file(Path::new(root));
        }
        collector.resolve()
    }
}

fn read_files(directory: &Path, below: &Path, files: &mut BTreeMap<PathBuf, String>) {
    for entry in fs::read_dir(directory).expect("a source directory") {
        let path = entry.expect("a directory entry").path();
        let name = below.join(path.file_name().expect("a named entry"));
        if path.is_dir() {
            read_files(&path, &name, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.insert(name, fs::read_to_string(&path).expect("a source file"));
        }
    }
}

impl Collector<'_> {
    fn resolve(self) -> Modules {
        let mut references = Vec::new();
        for path in &self.paths {
            let end = path.segments.len() - usize::from(!path.ends_in_module);
            if let Some(to) = self.resolve_path(&path.module, &path.segments[..end], true)
                && to != path.module
            {
                let (from, location) = (path.module.clone(), path.location.clone());
                references.push(Reference { from, to, location });
            }
        }
        Modules { references, types: self.types }
    }

    /// Returns the module that the path names, or that declares or re-exports the named item. `None` if the
    /// path begins outside of the crate.
    fn resolve_path(
        &self,
        from: &ModulePath,
        segments: &[String],
        follow_imports: bool,
    ) -> Option<ModulePath> {
        let mut module = from.clone();
        let mut segments = segments.iter().peekable();
        match segments.peek()?.as_str() {
            "crate" => {
                module.clear();
                segments.next();
            }
            "self" | "super" => {}
            name => {
                if !self.modules.contains(&child(&module, name)) {
                    module = follow_imports.then(|| self.imported_module(from, name)).flatten()?;
                    segments.next();
                }
            }
        }
        for name in segments {
            match name.as_str() {
                "self" => {}
                "super" => drop(module.pop()?),
                name if self.modules.contains(&child(&module, name)) => module.push(name.to_owned()),
                _ => break,
            }
        }
        Some(module)
    }

    /// Returns the module that a `use` in the module `from` binds to the name.
    fn imported_module(&self, from: &ModulePath, name: &str) -> Option<ModulePath> {
        let imports = self.imports.get(from)?;
        imports.iter().find_map(|(bound, segments)| {
            let target = self.resolve_path(from, segments, false)?;
            let target = match bound.as_str() {
                "*" => child(&target, name),
                bound if bound == name && target.last() == segments.last() => target,
                _ => return None,
            };
            self.modules.contains(&target).then_some(target)
        })
    }
}

fn child(module: &[String], name: &str) -> ModulePath {
    [module, &[name.to_owned()]].concat()
}
