//! AFL++'s map of comparisons (cmplog): clears and copies only what is used of it.
//!
//! For each input that cmplog looks at, afl-fuzz clears the map and copies it to a second one: 151 MB, of which a server
//! uses one or two. On a small server that takes a third of a campaign's time. The mutator is loaded into afl-fuzz, so it
//! can take the place of the two functions there that do it, for this length only. The maps have the same contents as
//! with those. It is also the place to read the operands of a run before they are cleared. (`include/cmplog.h`, `input_to_state_stage` in `src/afl-fuzz-redqueen.c`)

use std::ffi::{c_int, c_void};
use std::ops::Range;
use std::ptr;
use std::slice;
use std::sync::Mutex;

use plthook::{ObjectFile, Replacement};

use crate::cmp_operands;
use crate::learned::Operands;

/// Layout of a map: headers of two bytes, one for each comparison, and then their rows of operands.
#[derive(Debug, Clone, Copy)]
struct Layout {
    /// Number of comparisons: `CMP_MAP_W`.
    comparisons: usize,
    /// Size of a row in bytes: `CMP_MAP_H` operands.
    row_len: usize,
}

/// Layout in AFL++ 4. A map of another size is left alone.
const LAYOUT: Layout = Layout { comparisons: 65536, row_len: 32 * 72 };

/// Number of comparisons of a run that are kept for the mutator.
const MAX_KEPT_COMPARISONS: usize = 4096;

/// Size of a header in bytes.
const HEADER_LEN: usize = 2;

impl Layout {
    const fn headers_len(self) -> usize {
        self.comparisons * HEADER_LEN
    }

    const fn len(self) -> usize {
        self.headers_len() + self.comparisons * self.row_len
    }

    fn row(self, comparison: usize) -> Range<usize> {
        let start = self.headers_len() + comparison * self.row_len;
        start..start + self.row_len
    }

    /// Returns the comparisons whose headers are not zero. (One that has come to zero keeps its operands; AFL++ reads
    /// no more of a row than its header says.)
    fn used(self, map: &[u8]) -> impl Iterator<Item = usize> {
        let (headers, _) = map[..self.headers_len()].as_chunks::<HEADER_LEN>();
        headers
            .iter()
            .enumerate()
            .filter(|(_, header)| **header != [0; HEADER_LEN])
            .map(|(comparison, _)| comparison)
    }
}

/// The map and its copy, with the rows that may not be zero.
#[derive(Debug)]
struct CmpMaps {
    layout: Layout,
    /// Address of the map; 0 before it was cleared for the first time.
    map: usize,
    /// Rows that have been used since it was cleared, as far as is known.
    used: Vec<usize>,
    /// Address of the copy; 0 before the first.
    copy: usize,
    /// Rows of the copy that are not zero.
    copied: Vec<usize>,
}

impl CmpMaps {
    const fn new(layout: Layout) -> Self {
        Self { layout, map: 0, used: Vec::new(), copy: 0, copied: Vec::new() }
    }

    /// Fills the map with zeroes.
    fn clear(&mut self, map: &mut [u8]) {
        if self.map == map.as_ptr().addr() {
            self.note_used(map);
            self.used.drain(..).for_each(|row| map[self.layout.row(row)].fill(0));
            map[..self.layout.headers_len()].fill(0);
        } else {
            self.map = map.as_ptr().addr();
            self.used.clear();
            map.fill(0);
        }
    }

    /// Copies a map; all of it unless it has been cleared before.
    fn copy(&mut self, copy: &mut [u8], map: &[u8]) {
        if self.map != map.as_ptr().addr() {
            self.copy = 0;
            copy.copy_from_slice(map);
            return;
        }
        self.note_used(map);
        self.keep_operands(map);
        if self.copy == copy.as_ptr().addr() {
            self.copied.iter().for_each(|row| copy[self.layout.row(*row)].fill(0));
            let headers = 0..self.layout.headers_len();
            let rows = self.used.iter().map(|row| self.layout.row(*row));
            std::iter::once(headers)
                .chain(rows)
                .for_each(|range| copy[range.clone()].copy_from_slice(&map[range]));
        } else {
            self.copy = copy.as_ptr().addr();
            copy.copy_from_slice(map);
        }
        self.copied.clone_from(&self.used);
    }

    fn keep_operands(&self, map: &[u8]) {
        let Ok(mut kept) = LAST_RUN.try_lock() else { return };
        kept.clear();
        let rows = self.used.iter().flat_map(|comparison| {
            let at = comparison * HEADER_LEN;
            cmp_operands::of_row([map[at], map[at + 1]], &map[self.layout.row(*comparison)])
        });
        kept.extend(rows.take(MAX_KEPT_COMPARISONS));
    }

    fn note_used(&mut self, map: &[u8]) {
        self.used.extend(self.layout.used(map));
        self.used.sort_unstable();
        self.used.dedup();
    }
}

/// Operands of the last run that afl-fuzz copied, which was that of an unchanged input.
static LAST_RUN: Mutex<Vec<Operands>> = Mutex::new(Vec::new());

/// Takes the operands of the last run of an unchanged input.
pub(crate) fn take_operands() -> Vec<Operands> {
    LAST_RUN.try_lock().map(|mut operands| std::mem::take(&mut *operands)).unwrap_or_default()
}

static MAPS: Mutex<CmpMaps> = Mutex::new(CmpMaps::new(LAYOUT));

/// Replaces the two functions in the executable, until the result is dropped. Those that it does not call stay as they are.
pub(crate) fn replace_functions() -> Vec<Replacement> {
    let Ok(executable) = ObjectFile::open_main_program() else { return Vec::new() };
    let functions = [("memset", clear as *const c_void), ("memcpy", copy as *const c_void)];
    // SAFETY: each function upholds the contract of the one that it replaces.
    functions.iter().filter_map(|(name, new)| unsafe { executable.replace(name, *new) }.ok()).collect()
}

/// memset(3), which knows the map.
unsafe extern "C" fn clear(start: *mut c_void, byte: c_int, len: usize) -> *mut c_void {
    if len == LAYOUT.len()
        && byte == 0
        && let Ok(mut maps) = MAPS.try_lock()
    {
        // SAFETY: by the contract of memset(3), `start` is writable for `len` bytes, and nothing else uses them meanwhile.
        maps.clear(unsafe { slice::from_raw_parts_mut(start.cast(), len) });
    } else {
        // SAFETY: as above. Of the number, memset(3) takes the low byte.
        unsafe { ptr::write_bytes::<u8>(start.cast(), byte as u8, len) };
    }
    start
}

/// memcpy(3), which knows the map.
unsafe extern "C" fn copy(to: *mut c_void, from: *const c_void, len: usize) -> *mut c_void {
    if len == LAYOUT.len()
        && let Ok(mut maps) = MAPS.try_lock()
    {
        // SAFETY: by the contract of memcpy(3), both are valid for `len` bytes, and do not overlap.
        let (to, from) =
            unsafe { (slice::from_raw_parts_mut(to.cast(), len), slice::from_raw_parts(from.cast(), len)) };
        maps.copy(to, from);
    } else {
        // afl-fuzz also copies a buffer onto itself.
        // SAFETY: both are valid for `len` bytes.
        unsafe { ptr::copy::<u8>(from.cast(), to.cast(), len) };
    }
    to
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SMALL: Layout = Layout { comparisons: 16, row_len: 8 };

    /// What afl-fuzz and the server do with the map.
    #[derive(Debug, Clone)]
    enum Step {
        Clear,
        /// afl-fuzz copies the map, and then clears the headers alone.
        Copy,
        /// The server does a comparison, with these operands.
        Compare(usize, u8),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let comparison =
            (0..SMALL.comparisons, any::<u8>()).prop_map(|(which, operands)| Step::Compare(which, operands));
        prop::collection::vec(
            prop_oneof![3 => comparison, 1 => Just(Step::Clear), 1 => Just(Step::Copy)],
            0..64,
        )
    }

    proptest! {
        #[test]
        fn maps_are_as_if_cleared_and_copied_whole(steps in steps()) {
            let new = || (vec![7; SMALL.len()], vec![8; SMALL.len()]);
            let ((mut map, mut copy), (mut whole, mut whole_copy)) = (new(), new());
            let mut maps = CmpMaps::new(SMALL);
            for step in steps {
                match step {
                    Step::Clear => {
                        maps.clear(&mut map);
                        whole.fill(0);
                    }
                    Step::Copy => {
                        maps.copy(&mut copy, &map);
                        whole_copy.copy_from_slice(&whole);
                        for map in [&mut map, &mut whole] {
                            map[..SMALL.headers_len()].fill(0);
                        }
                    }
                    Step::Compare(which, operands) => {
                        for map in [&mut map, &mut whole] {
                            map[which * HEADER_LEN] = 1;
                            map[SMALL.row(which)].fill(operands);
                        }
                    }
                }
                prop_assert!(map == whole && copy == whole_copy);
            }
        }
    }
}
