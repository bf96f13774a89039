//! Number of edges that an executable reports to AFL++, against the size of its code.

use indicatif::{HumanBytes, HumanCount};
use object::{Object, ObjectSection};

/// Section with one 32-bit guard for each edge (SanitizerCoverage.html of clang, "trace-pc-guard").
const GUARDS: &str = "__sancov_guards";

/// Size of a guard in bytes.
const GUARD_BYTES: u64 = 4;

/// Section with the code.
const CODE: &str = ".text";

/// Code of AFL++'s runtime and of the start-up, which has no edges, in bytes.
const FIXED_BYTES: u64 = 128 << 10;

/// Bytes of code per edge from which on a part of the server is likely not instrumented. Fully instrumented servers have
/// 36 to 62; with AddressSanitizer 150 to 370, because its runtime has no edges.
const SPARSE: u64 = 150;

/// As above, with AddressSanitizer.
const SPARSE_WITH_ASAN: u64 = 1000;

/// Edges of an executable. Those of its libraries are not included.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Edges {
    /// Number of edges; 0 where the compiler has left no guards in this executable.
    pub count: u64,
    code_bytes: u64,
}

impl Edges {
    /// Counts the edges of an executable.
    #[must_use]
    pub fn of<'data>(elf: &impl Object<'data>) -> Self {
        let size = |name| elf.section_by_name(name).map_or(0, |section| section.size());
        Self { count: size(GUARDS) / GUARD_BYTES, code_bytes: size(CODE) }
    }

    /// Returns a warning if there are few edges for the size of the code.
    #[must_use]
    pub fn warning(&self, asan: bool) -> Option<String> {
        let sparse = if asan { SPARSE_WITH_ASAN } else { SPARSE };
        (self.count > 0 && self.code_bytes > FIXED_BYTES + sparse * self.count).then(|| {
            format!(
                "{} edges are few for {} of code: a main part of the server is not instrumented. Build its own libraries \
                 with sockfuzz cc, too, and link them statically",
                HumanCount(self.count),
                HumanBytes(self.code_bytes),
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partial_instrumentation_causes_a_warning() {
        let warning = |count, code_bytes, asan| Edges { count, code_bytes }.warning(asan);
        assert_eq!(warning(20_123, 1_049_291, false), None, "nginx");
        assert_eq!(warning(3123, 1_079_390, true), None, "libmicrohttpd with AddressSanitizer");
        assert_eq!(warning(4, 70_000, false), None, "a small program");
        assert_eq!(warning(0, 70_000_000, false), None, "instrumented in another way");
        assert!(warning(60, 1_000_000, false).is_some_and(|text| text.contains("60 edges are few")));
    }
}
