//! Packs the files that an installed sockfuzz needs into one archive: libraries, the launcher of bundles, the corpora and the dictionary, and the
//! sources of the bundled servers. `src/util/embedded.rs` unpacks it.
//!
//! Artifact dependencies are not stable, so a cargo of its own builds the libraries, from the sources of the packages that
//! this one depends on. Without the feature `bundle`, and in other profiles than release, the archive is empty.

#[cfg(feature = "bundle")]
mod bundle {
    use std::collections::hash_map::DefaultHasher;
    use std::error::Error;
    use std::fs::{self, File};
    use std::hash::Hasher;
    use std::path::{Path, PathBuf};
    use std::process::Command;
    use std::{env, io};

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use tar::{Builder, HeaderMode};
    use toml::{Table, Value};

    type Archive = Builder<GzEncoder<File>>;

    /// Libraries: the package, as cargo names its directory, and the file.
    const LIBRARIES: [(&str, &str); 3] = [
        ("PRELOAD", "libsockfuzz_preload.so"),
        ("MUTATOR", "libsockfuzz_mutator.so"),
        ("START", "libsockfuzz_start.so"),
    ];

    /// Program that needs no library of the machine that runs it.
    const LAUNCHER: (&str, &str) = ("LAUNCHER", "sockfuzz-launcher");

    /// Flags of rustc for libraries: backtraces of internal errors need the symbols, and no more.
    const LIBRARY_FLAGS: &str = "-Cstrip=debuginfo";
    /// Flags for a program that needs no library.
    const STATIC_FLAGS: &str = "-Ctarget-feature=+crt-static -Cstrip=symbols";

    /// Names of variables that belong to this build, and not to the one inside it.
    const PRIVATE: [&str; 8] = [
        "CARGO_ENCODED_RUSTFLAGS",
        "CARGO_MANIFEST_",
        "CARGO_PKG_",
        "CARGO_CFG_",
        "CARGO_FEATURE_",
        "CARGO_TARGET_DIR",
        "RUSTC",
        "RUSTFLAGS",
    ];

    pub(super) fn pack(file: &Path) -> Result<(), Box<dyn Error>> {
        let mut archive = Builder::new(GzEncoder::new(File::create(file)?, Compression::best()));
        // The same sources make the same archive.
        archive.mode(HeaderMode::Deterministic);
        for (package, library) in LIBRARIES {
            let built = build(&directory_of(package)?, &["--lib"], LIBRARY_FLAGS, library)?;
            archive.append_path_with_name(built, format!("lib/{library}"))?;
        }
        let (package, program) = LAUNCHER;
        let built = build(&directory_of(package)?, &["--bins"], STATIC_FLAGS, program)?;
        archive.append_path_with_name(built, format!("lib/{program}"))?;
        // The mutator is also built from the model, which has no build script to name its directory.
        let model = directory_of("MUTATOR")?.join("../model");
        if model.exists() {
            println!("cargo::rerun-if-changed={}", model.display());
        }
        append(&mut archive, &directory_of("CORPUS")?, Path::new("corpus"))?;
        append_harness(&mut archive, &directory_of("HARNESS")?)?;
        archive.into_inner()?.finish()?;
        let mut hasher = DefaultHasher::new();
        hasher.write(&fs::read(file)?);
        println!("cargo::rustc-env=SOCKFUZZ_BUNDLE_HASH={:016x}", hasher.finish());
        Ok(())
    }

    /// Directory of a package of this workspace, or of the registry.
    fn directory_of(package: &str) -> Result<PathBuf, Box<dyn Error>> {
        let directory = PathBuf::from(env::var(format!("DEP_SOCKFUZZ_{package}_DIRECTORY"))?);
        println!("cargo::rerun-if-changed={}", directory.display());
        Ok(directory)
    }

    /// Builds a library or a program, and returns its path.
    fn build(package: &Path, selection: &[&str], flags: &str, file: &str) -> Result<PathBuf, Box<dyn Error>> {
        let target = PathBuf::from(env::var("OUT_DIR")?).join("libraries");
        let mut cargo = Command::new(env::var("CARGO")?);
        for (name, _) in env::vars_os() {
            let name = name.to_string_lossy().into_owned();
            if PRIVATE.iter().any(|private| name.starts_with(private)) {
                cargo.env_remove(name);
            }
        }
        let wanted = env::var("TARGET")?;
        // With a target, flags do not apply to build scripts and macros, which cannot be linked statically.
        cargo
            .args(["build", "--release", "--quiet", "--target", &wanted])
            .args(selection)
            .env("RUSTFLAGS", flags)
            .arg("--manifest-path")
            .arg(package.join("Cargo.toml"))
            .arg("--target-dir")
            .arg(&target);
        if !cargo.status()?.success() {
            return Err(format!("{file} could not be built from {}", package.display()).into());
        }
        Ok(target.join(&wanted).join("release").join(file))
    }

    /// Appends the files of a directory, in the order of their names.
    fn append(archive: &mut Archive, directory: &Path, name: &Path) -> io::Result<()> {
        let mut entries = fs::read_dir(directory)?.collect::<io::Result<Vec<_>>>()?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let name = name.join(entry.file_name());
            match entry.file_type()?.is_dir() {
                true => append(archive, &entry.path(), &name)?,
                false => archive.append_path_with_name(entry.path(), name)?,
            }
        }
        Ok(())
    }

    /// Appends the sources of the bundled servers, as a package that needs no workspace.
    fn append_harness(archive: &mut Archive, harness: &Path) -> Result<(), Box<dyn Error>> {
        for directory in ["src", "www"] {
            append(archive, &harness.join(directory), &Path::new("harness").join(directory))?;
        }
        let manifest = standalone_manifest(harness)?;
        let mut header = tar::Header::new_gnu();
        header.set_size(manifest.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, "harness/Cargo.toml", manifest.as_bytes())?;
        let locks = [harness.join("../Cargo.lock"), harness.join("Cargo.lock")];
        if let Some(lock) = locks.iter().find(|lock| lock.exists()) {
            archive.append_path_with_name(lock, "harness/Cargo.lock")?;
        }
        Ok(())
    }

    /// Returns the manifest of a package, with the values that it inherits from its workspace, and without what only tests
    /// need. (A published package inherits nothing.)
    fn standalone_manifest(package: &Path) -> Result<String, Box<dyn Error>> {
        let read = |path: &Path| -> Result<Table, Box<dyn Error>> { Ok(fs::read_to_string(path)?.parse()?) };
        let mut manifest = read(&package.join("Cargo.toml"))?;
        let workspace = read(&package.join("../Cargo.toml")).ok();
        let inherited =
            |table: &str, key: &str| workspace.as_ref()?.get("workspace")?.get(table)?.get(key).cloned();
        for name in ["package", "dependencies"] {
            let Some(table) = manifest.get_mut(name).and_then(Value::as_table_mut) else { continue };
            for (key, value) in table.iter_mut() {
                if value.get("workspace").is_some() {
                    let shared =
                        inherited(name, key).ok_or_else(|| format!("{key} is not in the workspace"))?;
                    *value = merge(shared, value);
                }
            }
        }
        if let Some(package) = manifest.get_mut("package").and_then(Value::as_table_mut) {
            package.remove("links");
        }
        manifest.remove("dev-dependencies");
        if manifest.get("lints").is_some_and(|lints| lints.get("workspace").is_some())
            && let Some(lints) =
                workspace.as_ref().and_then(|root| root.get("workspace")?.get("lints").cloned())
        {
            manifest.insert("lints".to_owned(), lints);
        }
        manifest.insert("workspace".to_owned(), Value::Table(Table::new()));
        manifest.insert(
            "profile".to_owned(),
            "release = { debug = \"line-tables-only\" }".parse::<Table>()?.into(),
        );
        Ok(toml::to_string(&manifest)?)
    }

    /// Adds the keys of a dependency, such as `optional`, to those of the workspace.
    fn merge(shared: Value, own: &Value) -> Value {
        let mut own = own.as_table().cloned().unwrap_or_default();
        own.remove("workspace");
        match shared {
            shared if own.is_empty() => shared,
            Value::Table(mut shared) => {
                shared.extend(own);
                shared.into()
            }
            version => {
                own.insert("version".to_owned(), version);
                own.into()
            }
        }
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    #[cfg(feature = "bundle")]
    {
        let file = std::path::PathBuf::from(std::env::var("OUT_DIR")?).join("bundle.tar.gz");
        if std::env::var("PROFILE")? == "release" {
            return bundle::pack(&file);
        }
        std::fs::write(file, [])?;
        println!("cargo::rustc-env=SOCKFUZZ_BUNDLE_HASH=");
    }
    Ok(())
}
