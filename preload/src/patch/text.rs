//! Change of code that is mapped.

use std::ptr;

use rustix::io::Errno;
use rustix::mm::{MprotectFlags, mprotect};
use rustix::param::page_size;

/// Writes pieces of code to their addresses, in ascending order. It stays executable in the meantime: a handler of a signal
/// may run it.
///
/// # Errors
/// Those of mprotect(2): a policy may forbid code that is both writable and executable, or code that was written. Nothing
/// is changed then.
///
/// # Safety
/// All addresses must be within mapped code that is never unmapped, no thread may be within a piece, and the code must be
/// right with any of the pieces written, in their order.
pub(crate) unsafe fn write(pieces: &[(usize, Vec<u8>)]) -> Result<(), Errno> {
    let (Some((first, _)), Some((last, code))) = (pieces.first(), pieces.last()) else { return Ok(()) };
    let start = first & !(page_size() - 1);
    let len = last + code.len() - start;
    let protect = |access| {
        // SAFETY: the caller guarantees that code is mapped in the range; it stays readable and executable.
        unsafe { mprotect(ptr::with_exposed_provenance_mut(start), len, access) }
    };
    let code = MprotectFlags::READ | MprotectFlags::EXEC;
    protect(code | MprotectFlags::WRITE)?;
    for (address, piece) in pieces {
        // SAFETY: the bytes are within the range, which is writable, and nothing executes them.
        unsafe {
            ptr::copy_nonoverlapping(piece.as_ptr(), ptr::with_exposed_provenance_mut(*address), piece.len());
        }
    }
    // The code is right even if it stays writable.
    let _ = protect(code);
    Ok(())
}
