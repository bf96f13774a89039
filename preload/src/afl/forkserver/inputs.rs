//! Place of AFL++'s inputs: shared memory, or, with the simpler ones of its tools, the file that is the server's
//! standard input.

use std::env;
use std::ffi::c_void;
use std::ptr;

use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous};

use crate::afl::Instrumentation;
use crate::afl::shm_segments::{self, INPUT_SHM_VARIABLE, MAX_INPUT_BYTES};
use crate::sys::{report, stdio};

/// Layout of an input in memory: a length, then that number of bytes.
#[repr(C)]
pub(in crate::afl) struct InputBuffer {
    len: u32,
    bytes: [u8; MAX_INPUT_BYTES],
}

/// Place of inputs.
#[derive(Debug)]
pub(in crate::afl) enum InputPlace {
    /// System V shared memory, mapped here.
    SharedMemory(*mut c_void),
    /// Standard input, copied to this buffer.
    Stdin(*mut InputBuffer),
}

// SAFETY: the memory is not tied to a thread, and only the driver thread uses the pointers.
unsafe impl Send for InputPlace {}
// SAFETY: only the driver thread uses the pointers.
unsafe impl Sync for InputPlace {}

impl InputPlace {
    /// Finds the place of inputs. `None` if it is POSIX shared memory, which has a name instead of a number.
    pub(super) fn find() -> Option<Self> {
        match env::var(INPUT_SHM_VARIABLE) {
            Ok(_) => shm_segments::named_by(INPUT_SHM_VARIABLE)
                .map(|segment| Self::SharedMemory(segment.address())),
            Err(_) => Some(Self::Stdin(ptr::null_mut())),
        }
    }

    pub(super) fn are_in_shared_memory(&self) -> bool {
        matches!(self, Self::SharedMemory(_))
    }

    /// Passes the place to the instrumentation, as the runtime's own forkserver would.
    pub(super) fn open(&mut self, instrumentation: &Instrumentation) {
        let place = match self {
            Self::SharedMemory(place) => *place,
            Self::Stdin(buffer) => {
                let (access, flags) = (ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE);
                // SAFETY: with a null address the kernel chooses one where nothing is mapped.
                let memory =
                    unsafe { mmap_anonymous(ptr::null_mut(), size_of::<InputBuffer>(), access, flags) };
                *buffer = memory.map(|memory| memory.cast()).unwrap_or_else(|error| {
                    report::fatal(format_args!("memory for AFL++'s inputs cannot be allocated: {error}"))
                });
                buffer.cast()
            }
        };
        // SAFETY: `set_input` requires memory that is never unmapped and holds a length, then as many bytes: both have.
        unsafe { instrumentation.set_input(place.cast_const().cast()) };
    }

    /// Copies the next input to its place, if it comes from standard input.
    pub(super) fn fetch(&self) {
        let Self::Stdin(buffer) = *self else { return };
        // SAFETY: `open` has mapped the buffer, zeroes are a valid one, and nothing else uses it between two
        // iterations.
        let buffer = unsafe { &mut *buffer };
        let mut len = 0;
        if let Some(input) = stdio::input() {
            // From the start of the file: its offset is shared with AFL++ and all children.
            while let Ok(count @ 1..) = rustix::io::pread(input, &mut buffer.bytes[len..], len as u64) {
                len += count;
            }
        }
        buffer.len = len as u32;
    }
}
