//! Copy of an executable that needs one more library (elf(5)). A new segment at its end holds the dynamic section and its
//! strings, with the library in front; it takes the place of a segment of notes, so that nothing else moves.

use object::elf::{
    DT_NEEDED, DT_NULL, DT_RPATH, DT_RUNPATH, DT_STRSZ, DT_STRTAB, Dyn64, DynamicTag, FileHeader64, PF_R,
    PF_W, PT_DYNAMIC, PT_LOAD, PT_NOTE, ProgramHeader64,
};
use object::read::elf::{FileHeader, ProgramHeader};
use object::{LittleEndian, U32, U64, pod};

/// Alignment of segments: the largest page of x86-64 and aarch64 that Linux uses for files.
const PAGE_BYTES: u64 = 1 << 16;

type Header = FileHeader64<LittleEndian>;
type Segment = ProgramHeader64<LittleEndian>;
type Entry = Dyn64<LittleEndian>;

const ENDIAN: LittleEndian = LittleEndian;

/// Reason why an executable cannot be copied in this way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NeededLibraryError {
    /// It is not a 64-bit little-endian ELF file.
    #[error("it is not a 64-bit little-endian ELF file")]
    NotElf,
    /// It has no dynamic section.
    #[error("it is linked statically")]
    Static,
    /// It has no segment of notes.
    #[error("it has no segment of notes whose place a new one can take")]
    NoNotes,
}

/// Returns a copy of the executable that needs `library` before all others, and looks for it in `directory` first.
///
/// # Errors
/// An executable of another kind.
pub fn add(executable: &[u8], library: &str, directory: &str) -> Result<Vec<u8>, NeededLibraryError> {
    let header = Header::parse(executable).map_err(|_| NeededLibraryError::NotElf)?;
    let table = header.program_headers(ENDIAN, executable).map_err(|_| NeededLibraryError::NotElf)?;
    let mut segments = table.to_vec();
    let of_type =
        |segments: &[Segment], kind| segments.iter().position(|segment| segment.p_type(ENDIAN) == kind);
    let dynamic = of_type(&segments, PT_DYNAMIC).ok_or(NeededLibraryError::Static)?;
    let entries: &[Entry] =
        segments[dynamic].dynamic(ENDIAN, executable).ok().flatten().ok_or(NeededLibraryError::Static)?;
    let strings = strings(executable, &segments, entries).ok_or(NeededLibraryError::Static)?;

    let end = segments.iter().map(|it| it.p_vaddr(ENDIAN) + it.p_memsz(ENDIAN)).max().unwrap_or(0);
    let address = end.next_multiple_of(PAGE_BYTES);
    let offset = (executable.len() as u64).next_multiple_of(PAGE_BYTES);
    let content = content(entries, strings, library, directory, address);

    let notes = of_type(&segments, PT_NOTE).ok_or(NeededLibraryError::NoNotes)?;
    set_place(&mut segments[dynamic], offset, address, content.dynamic_bytes);
    let mut added = segments.remove(notes);
    added.p_type = U32::new(ENDIAN, PT_LOAD);
    added.p_flags = U32::new(ENDIAN, PF_R | PF_W);
    added.p_align = U64::new(ENDIAN, PAGE_BYTES);
    set_place(&mut added, offset, address, content.bytes.len() as u64);
    // Loaded segments stand in the order of their addresses.
    let last = segments.iter().rposition(|segment| segment.p_type(ENDIAN) == PT_LOAD);
    segments.insert(last.map_or(0, |last| last + 1), added);

    let mut copy = executable.to_vec();
    let at = usize::try_from(header.e_phoff(ENDIAN)).map_err(|_| NeededLibraryError::NotElf)?;
    let bytes = pod::bytes_of_slice(&segments);
    copy[at..at + bytes.len()].copy_from_slice(bytes);
    copy.resize(usize::try_from(offset).map_err(|_| NeededLibraryError::NotElf)?, 0);
    copy.extend(content.bytes);
    Ok(copy)
}

/// Content of the new segment: the dynamic section, and its strings.
struct SegmentContent {
    bytes: Vec<u8>,
    dynamic_bytes: u64,
}

fn content(
    entries: &[Entry],
    strings: &[u8],
    library: &str,
    directory: &str,
    address: u64,
) -> SegmentContent {
    let value_of = |tag: DynamicTag| {
        entries.iter().find(|it| it.d_tag.get(ENDIAN) == tag).map(|it| it.d_val.get(ENDIAN))
    };
    let string_at = |at: u64| {
        let rest = usize::try_from(at).ok().and_then(|at| strings.get(at..)).unwrap_or_default();
        rest.split(|byte| *byte == 0).next().unwrap_or_default()
    };
    let earlier = value_of(DT_RUNPATH).or_else(|| value_of(DT_RPATH)).map(string_at);

    let mut all = strings.to_vec();
    let library_at = all.len() as u64;
    all.extend(library.bytes().chain([0]));
    let path_at = all.len() as u64;
    all.extend(directory.bytes());
    all.extend(earlier.into_iter().flat_map(|earlier| [b":", earlier].concat()));
    all.push(0);

    let kept = entries.iter().map(|it| (it.d_tag.get(ENDIAN), it.d_val.get(ENDIAN)));
    let is_kept = |tag: &DynamicTag| ![DT_RUNPATH, DT_RPATH, DT_NULL].contains(tag);
    let kept = kept.filter(|(tag, _)| is_kept(tag));
    let own = [(DT_NEEDED, library_at), (DT_RUNPATH, path_at)];
    let mut table: Vec<_> = own.into_iter().chain(kept).chain([(DT_NULL, 0)]).collect();
    let dynamic_bytes = (table.len() * size_of::<Entry>()) as u64;
    for (tag, value) in &mut table {
        if *tag == DT_STRTAB {
            *value = address + dynamic_bytes;
        } else if *tag == DT_STRSZ {
            *value = all.len() as u64;
        }
    }
    let mut bytes: Vec<u8> =
        table.iter().flat_map(|(tag, value)| [tag.0.to_le_bytes(), value.to_le_bytes()].concat()).collect();
    bytes.extend(all);
    SegmentContent { bytes, dynamic_bytes }
}

/// Returns the strings of the dynamic section.
fn strings<'a>(executable: &'a [u8], segments: &[Segment], entries: &[Entry]) -> Option<&'a [u8]> {
    let value = |tag: DynamicTag| {
        let entry = entries.iter().find(|entry| entry.d_tag.get(ENDIAN) == tag)?;
        Some(entry.d_val.get(ENDIAN))
    };
    let (address, bytes) = (value(DT_STRTAB)?, value(DT_STRSZ)?);
    let loaded = segments.iter().filter(|segment| segment.p_type(ENDIAN) == PT_LOAD);
    let holds = |segment: &&Segment| {
        let begin = segment.p_vaddr(ENDIAN);
        (begin..begin + segment.p_filesz(ENDIAN)).contains(&address)
    };
    let segment = loaded.into_iter().find(holds)?;
    let offset = usize::try_from(address - segment.p_vaddr(ENDIAN) + segment.p_offset(ENDIAN)).ok()?;
    executable.get(offset..offset.checked_add(usize::try_from(bytes).ok()?)?)
}

fn set_place(segment: &mut Segment, offset: u64, address: u64, bytes: u64) {
    segment.p_offset = U64::new(ENDIAN, offset);
    segment.p_vaddr = U64::new(ENDIAN, address);
    segment.p_paddr = U64::new(ENDIAN, address);
    segment.p_filesz = U64::new(ENDIAN, bytes);
    segment.p_memsz = U64::new(ENDIAN, bytes);
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;
    use std::process::Command;

    use super::*;

    /// The loader looks for the library, and would run the program if it were there.
    #[test]
    fn a_copy_needs_the_library() {
        let directory = tempfile::tempdir().expect("a directory");
        let program = std::env::current_exe().expect("this test");
        let copy =
            add(&fs::read(program).expect("readable"), "libnone_such.so", "$ORIGIN/lib").expect("copied");
        let path = directory.path().join("copy");
        fs::write(&path, copy).expect("written");
        fs::set_permissions(&path, Permissions::from_mode(0o755)).expect("set");
        let output = Command::new(&path).arg("--list").output().expect("it starts");
        assert!(String::from_utf8_lossy(&output.stderr).contains("libnone_such.so"), "{output:?}");

        fs::create_dir(directory.path().join("lib")).expect("created");
        let any = fs::canonicalize("/lib/x86_64-linux-gnu/libm.so.6")
            .or_else(|_| fs::canonicalize("/lib64/libm.so.6"));
        if let Ok(any) = any {
            fs::copy(any, directory.path().join("lib/libnone_such.so")).expect("copied");
            let output = Command::new(&path).arg("--list").output().expect("it starts");
            assert!(output.status.success(), "{output:?}");
        }
    }

    #[test]
    fn other_files_are_refused() {
        assert_eq!(add(b"#!/bin/sh\n", "lib.so", "/"), Err(NeededLibraryError::NotElf));
    }
}
