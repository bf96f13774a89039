//! Versions of the GNU C library that ELF files need.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use object::Endianness;
use object::elf::FileHeader64;
use object::read::elf::{FileHeader, VerneedIterator};
use sockfuzz_launcher::c_library;

/// Whether a file is an ELF file.
#[must_use]
pub fn is_elf(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\x7fELF")
}

/// Newest version of the GNU C library that any file needs.
#[derive(Debug, Default)]
pub struct RequiredVersion(Option<String>);

impl RequiredVersion {
    /// Takes a file into account. Files that are no ELF file need none.
    pub fn add(&mut self, path: &Path) {
        let Ok(bytes) = fs::read(path) else { return };
        for version in required(&bytes).unwrap_or_default() {
            if self.0.as_ref().is_none_or(|newest| c_library::is_at_least(&version, newest)) {
                self.0 = Some(version);
            }
        }
    }

    /// Returns the version; `0` if none is needed.
    #[must_use]
    pub fn newest(self) -> String {
        self.0.unwrap_or_else(|| "0".to_owned())
    }
}

/// Returns all versions that a file needs, such as `2.34` (the section .gnu.version_r).
fn required(bytes: &[u8]) -> Option<BTreeSet<String>> {
    let header = FileHeader64::<Endianness>::parse(bytes).ok()?;
    let endian = header.endian().ok()?;
    let sections = header.sections(endian, bytes).ok()?;
    let (needed, link): (VerneedIterator<'_, _>, _) = sections.gnu_verneed(endian, bytes).ok()??;
    let strings = sections.strings(endian, bytes, link).ok()?;
    let mut versions = BTreeSet::new();
    let mut needed = needed;
    while let Ok(Some((_, mut entries))) = needed.next() {
        while let Ok(Some(entry)) = entries.next() {
            let name = entry.name(endian, strings).ok().and_then(|name| std::str::from_utf8(name).ok());
            // Others, such as GLIBC_PRIVATE or those of other libraries, are no numbers.
            versions.extend(name.and_then(|name| name.strip_prefix("GLIBC_")).map(str::to_owned));
        }
    }
    Some(versions)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_program_needs_a_version_that_this_machine_has() {
        let mut required = RequiredVersion::default();
        required.add(&std::env::current_exe().expect("this test"));
        let machine = c_library::version(&c_library::locate().expect("a GNU system")).expect("versions");
        let newest = required.newest();
        assert!(
            c_library::is_at_least(&newest, "2.17") && c_library::is_at_least(&machine, &newest),
            "{newest}"
        );
    }
}
