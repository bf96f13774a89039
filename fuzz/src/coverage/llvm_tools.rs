//! llvm-profdata and llvm-cov of the LLVM that a compiler is made of: the formats of profiles and of source positions
//! change with its versions.

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsStr;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use memchr::memmem;
use object::{Object, ObjectSection};

/// Compiler of an executable, by what it has written into it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compiler {
    /// Its name and version.
    pub name: String,
    /// Major version of its LLVM, if it is known.
    pub llvm: Option<u32>,
    /// Whether it is rustc.
    pub is_rustc: bool,
}

/// A version of the tools.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LlvmTools {
    /// llvm-profdata.
    pub profdata: PathBuf,
    /// llvm-cov.
    pub cov: PathBuf,
    /// Major version.
    pub version: u32,
}

impl fmt::Display for Compiler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.llvm {
            Some(version) if self.is_rustc => write!(f, "{} (LLVM {version})", self.name),
            _ => f.write_str(&self.name),
        }
    }
}

impl Compiler {
    /// Returns the compiler of an executable or library; `None` if it does not say.
    #[must_use]
    pub fn of(file: &Path) -> Option<Self> {
        let bytes = fs::read(file).ok()?;
        let elf = object::File::parse(&*bytes).ok()?;
        let comment = elf.section_by_name(".comment")?;
        Self::from_comment(comment.data().ok()?)
    }

    /// Reads the section in which compilers write their names. An executable of rustc has others in it, too: those of
    /// its linker and of its C parts.
    fn from_comment(comment: &[u8]) -> Option<Self> {
        let version_after = |mark: &str| {
            let start = memmem::find(comment, mark.as_bytes())? + mark.len();
            let end = comment[start..].iter().position(|byte| !matches!(byte, b'0'..=b'9' | b'.'))?;
            str::from_utf8(&comment[start..start + end]).ok().filter(|version| !version.is_empty())
        };
        if let Some(version) = version_after("rustc version ") {
            let llvm = llvm_of_rustc(version);
            return Some(Self { name: format!("rustc {version}"), llvm, is_rustc: true });
        }
        let version = version_after("clang version ")?;
        let llvm = version.split('.').next()?.parse().ok();
        Some(Self { name: format!("clang {version}"), llvm, is_rustc: false })
    }

    /// Returns how to get the tools that this compiler needs.
    #[must_use]
    pub fn remedy(&self) -> String {
        let package = match self.llvm {
            Some(version) => format!("apt-get install llvm-{version}"),
            None => "install the package llvm of that version".to_owned(),
        };
        match self.is_rustc {
            true => format!("rustup component add llvm-tools; or {package}"),
            false => package,
        }
    }
}

/// Returns the major version of the LLVM of the rustc on PATH, if that has this version.
fn llvm_of_rustc(version: &str) -> Option<u32> {
    let output = Command::new("rustc").arg("-vV").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let value = |key: &str| text.lines().find_map(|line| line.strip_prefix(key)).map(str::trim);
    let major = value("LLVM version:").filter(|_| value("release:") == Some(version))?;
    major.split('.').next()?.parse().ok()
}

/// Returns the tools that may read what this compiler has made, the most likely first: those of the same version, then
/// newer ones.
#[must_use]
pub fn candidates(compiler: &Compiler) -> Vec<LlvmTools> {
    let mut found: BTreeMap<u32, LlvmTools> = BTreeMap::new();
    let path = env::var_os("PATH").unwrap_or_default();
    let directories = env::split_paths(&path).chain(llvm_directories()).chain(rustc_directory());
    for directory in directories {
        for tools in tools_in(&directory) {
            found.entry(tools.version).or_insert(tools);
        }
    }
    let least = compiler.llvm.unwrap_or(0);
    found.into_values().filter(|tools| tools.version >= least).collect()
}

/// Returns the directories of Debian's packages.
fn llvm_directories() -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir("/usr/lib").into_iter().flatten().flatten();
    let matching = entries.filter(|entry| entry.file_name().as_encoded_bytes().starts_with(b"llvm-"));
    matching.map(|entry| entry.path().join("bin"))
}

/// Returns the directory of rustup's component llvm-tools.
fn rustc_directory() -> Option<PathBuf> {
    let output = Command::new("rustc").args(["--print", "target-libdir"]).output().ok()?;
    let libraries = String::from_utf8(output.stdout).ok()?;
    Some(Path::new(libraries.trim()).parent()?.join("bin"))
}

fn tools_in(directory: &Path) -> Vec<LlvmTools> {
    const PROFDATA: &str = "llvm-profdata";
    let names = fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.file_name());
    let suffixes = names.filter_map(|name| Some(name.to_str()?.strip_prefix(PROFDATA)?.to_owned()));
    let tools = suffixes.filter_map(|suffix| {
        let cov = directory.join(format!("llvm-cov{suffix}"));
        let profdata = directory.join(format!("{PROFDATA}{suffix}"));
        let version = match suffix.strip_prefix('-') {
            Some(version) => version.parse().ok()?,
            None => version_of(profdata.as_os_str())?,
        };
        cov.exists().then_some(LlvmTools { profdata, cov, version })
    });
    tools.collect()
}

/// Asks a tool for its major version.
fn version_of(program: &OsStr) -> Option<u32> {
    let output = Command::new(program).arg("--version").output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.split_once("LLVM version ")?.1.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_compiler_is_read_from_the_executable() {
        let clang = Compiler::from_comment(b"GCC: (Debian 12) 12.2.0\0Debian clang version 14.0.6\0");
        let clang = clang.expect("clang");
        assert_eq!((clang.name.as_str(), clang.llvm, clang.is_rustc), ("clang 14.0.6", Some(14), false));
        assert_eq!(clang.remedy(), "apt-get install llvm-14");
        let rustc = Compiler::from_comment(
            b"rustc version 1.0.0 (5)\0Linker: LLD 22.1.2\0clang version 22.1.0-rc2\0",
        );
        let rustc = rustc.expect("rustc");
        assert_eq!((rustc.name.as_str(), rustc.is_rustc), ("rustc 1.0.0", true));
        assert!(rustc.remedy().starts_with("rustup component add llvm-tools"));
        assert_eq!(Compiler::from_comment(b"GCC: (Debian 12.2.0) 12.2.0\0"), None);
    }
}
