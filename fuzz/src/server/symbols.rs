//! Names of addresses in a program or library: functions and source lines from its debug information, otherwise functions
//! from its table of symbols.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use addr2line::{Loader, demangle_auto};
use object::elf::FileHeader64;
use object::read::elf::ElfFile;
use object::{Endianness, Object, ObjectSegment, ObjectSymbol, SymbolKind};

/// Directory of debug information that is not in the files themselves, by build ids (gdb's manual, "Debugging Information
/// in Separate Files").
const BUILD_IDS: &str = "/usr/lib/debug/.build-id";

/// Place in a source file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceLine {
    /// Path of the file.
    pub file: String,
    /// Line.
    pub line: u32,
}

/// Function that contains an address, or that was inlined there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct NamedFunction {
    /// Name, as the source has it.
    pub name: Option<String>,
    /// Place of the address in the source.
    pub source: Option<SourceLine>,
}

/// Symbols and debug information of one file.
pub(super) struct ModuleSymbols {
    /// Offset in the file, length, and address of each segment.
    segments: Vec<(u64, u64, u64)>,
    /// Address, length and name of each function.
    functions: Vec<(u64, u64, String)>,
    debug: Option<Loader>,
}

impl ModuleSymbols {
    /// Reads a file; `None` if it is no program or library of this machine.
    pub(super) fn read(path: &Path) -> Option<Self> {
        let mut content = Vec::new();
        regular_file(path)?.read_to_end(&mut content).ok()?;
        let elf = ElfFile::<FileHeader64<Endianness>>::parse(&*content).ok()?;
        let segments = elf.segments().map(|segment| {
            let (offset, length) = segment.file_range();
            (offset, length, segment.address())
        });
        let separate = elf.build_id().ok().flatten().and_then(separate_debug);
        let mut functions = functions(elf.symbols());
        if functions.is_empty() {
            functions = self::functions(elf.dynamic_symbols());
        }
        let debug = separate.as_deref().into_iter().chain([path]).find_map(|file| Loader::new(file).ok());
        Some(Self { segments: segments.collect(), functions, debug })
    }

    /// Returns the address, as the file numbers it, of a byte at an offset in the file.
    pub(super) fn address(&self, offset: u64) -> Option<u64> {
        let (begin, _, address) = self
            .segments
            .iter()
            .find(|(begin, length, _)| (*begin..begin.saturating_add(*length)).contains(&offset))?;
        Some(address.wrapping_add(offset - begin))
    }

    /// Returns the functions at an address, the inlined ones first; none if nothing is known of it.
    pub(super) fn functions_at(&self, address: u64) -> Vec<NamedFunction> {
        let symbol = || self.symbol(address);
        let mut functions = self.debug.as_ref().map_or_else(Vec::new, |debug| from_debug(debug, address));
        match functions.last_mut() {
            // Debug information may have lines only.
            Some(outermost) => outermost.name = outermost.name.take().or_else(symbol),
            None => functions.extend(symbol().map(|name| NamedFunction { name: Some(name), source: None })),
        }
        functions
    }

    fn symbol(&self, address: u64) -> Option<String> {
        let contains = |(begin, length, _): &&(u64, u64, String)| (*begin..begin + length).contains(&address);
        let (_, _, name) = self.functions.iter().find(contains)?;
        Some(demangle_auto(name.into(), None).into_owned())
    }
}

/// Opens a file with content. The server may name any: a pipe would block the reader, and a device have no end.
pub(super) fn regular_file(path: &Path) -> Option<File> {
    let metadata = path.metadata().ok()?;
    (metadata.is_file() && metadata.len() > 0).then(|| File::open(path).ok())?
}

/// Returns the file with the separate debug information of a build, if it is installed.
fn separate_debug(build_id: &[u8]) -> Option<PathBuf> {
    let (first, rest) = build_id.split_first()?;
    let name: String = rest.iter().map(|byte| format!("{byte:02x}")).collect();
    let path = Path::new(BUILD_IDS).join(format!("{first:02x}/{name}.debug"));
    path.exists().then_some(path)
}

fn functions<'a>(symbols: impl Iterator<Item = impl ObjectSymbol<'a>>) -> Vec<(u64, u64, String)> {
    symbols
        .filter(|symbol| symbol.kind() == SymbolKind::Text && symbol.is_definition())
        .filter_map(|symbol| {
            let end = symbol.address().checked_add(symbol.size())?;
            Some((symbol.address(), end - symbol.address(), symbol.name().ok()?.to_owned()))
        })
        .collect()
}

fn from_debug(debug: &Loader, address: u64) -> Vec<NamedFunction> {
    let mut functions = Vec::new();
    let Ok(mut frames) = debug.find_frames(address) else { return functions };
    while let Ok(Some(frame)) = frames.next() {
        let name = frame.function.and_then(|name| Some(name.demangle().ok()?.into_owned()));
        let source = frame
            .location
            .and_then(|location| Some(SourceLine { file: plain_path(location.file?), line: location.line? }));
        functions.push(NamedFunction { name, source });
    }
    functions
}

/// Returns a path without `.` in its middle, where compilers join a directory and a file's name.
fn plain_path(path: &str) -> String {
    Path::new(path).components().collect::<PathBuf>().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_have_no_dots() {
        assert_eq!(plain_path("/srv/./src/a.c"), "/srv/src/a.c");
        assert_eq!(plain_path("/srv/../src/a.c"), "/srv/../src/a.c");
    }

    #[test]
    fn this_program_has_its_functions() {
        let program = std::env::current_exe().expect("a program");
        let symbols = ModuleSymbols::read(&program).expect("an ELF file");
        let (address, ..) = symbols
            .functions
            .iter()
            .find(|(.., name)| name.contains("plain_path") && !name.contains("closure"))
            .expect("this module's function");
        let names = symbols.functions_at(*address);
        let name = names.last().and_then(|function| function.name.as_deref()).unwrap_or_default();
        assert!(name.ends_with("plain_path"), "{names:?}");
        for other in ["/proc/self/status", "/dev/zero", "/etc/passwd"] {
            assert!(ModuleSymbols::read(Path::new(other)).is_none(), "{other}");
        }
    }
}
