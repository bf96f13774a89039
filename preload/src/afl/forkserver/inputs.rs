//! Where AFL++ puts inputs: in shared memory, or, the plainer of its tools, in the file that is the
//! server's standard input.

use std::env;
use std::ffi::c_void;
use std::ptr;

use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous};

use crate::afl::Instrumentation;
use crate::afl::shm_segments::{self, INPUT_SHM_VARIABLE, MAX_INPUT_BYTES};
use crate::sys::{report, stdio};

/// A length, then as many bytes: the form that inputs have in memory.
#[repr(C)]
pub(in crate::afl) struct InputBuffer {
    len: u32,
    bytes: [u8; MAX_INPUT_BYTES],
}

/// The place of inputs.
#[derive(Debug)]
pub(in crate::afl) enum InputPlace {
    /// System V shared memory, mapped here.
    SharedMemory(*mut c_void),
    /// Standard input, copied to this buffer.
    Stdin(*mut InputBuffer),
}

// SAFETY: the buffer is used by the thread that holds the driver's role only.
unsafe impl Send for InputPlace {}
// SAFETY: as above.
unsafe impl Sync for InputPlace {}

impl InputPlace {
    /// `None` for a place that is unknown here: POSIX shared memory has a name instead of a number.
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

    /// Says where inputs are, as its own forkserver would.
    pub(super) fn open(&mut self, instrumentation: &Instrumentation) {
        let place = match self {
            Self::SharedMemory(place) => *place,
            Self::Stdin(buffer) => {
                let (access, flags) = (ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE);
                // SAFETY: a new mapping at an address of the kernel's choice; zeroes are a valid `InputBuffer`.
                let memory =
                    unsafe { mmap_anonymous(ptr::null_mut(), size_of::<InputBuffer>(), access, flags) };
                *buffer = memory.map(|memory| memory.cast()).unwrap_or_else(|error| {
                    report::fatal(format_args!("there is no memory for AFL++'s inputs: {error}"))
                });
                buffer.cast()
            }
        };
        // SAFETY: both are never unmapped, and begin with a length.
        unsafe { instrumentation.set_input(place.cast_const().cast()) };
    }

    /// Brings the next input to its place.
    pub(super) fn fetch(&self) {
        let Self::Stdin(buffer) = *self else { return };
        // SAFETY: allocated in `open`; nobody else uses it between two iterations.
        let buffer = unsafe { &mut *buffer };
        let mut len = 0;
        if let Some(input) = stdio::input() {
            // From the start, wherever the offset is that AFL++ and all children share.
            while let Ok(count @ 1..) = rustix::io::pread(input, &mut buffer.bytes[len..], len as u64) {
                len += count;
            }
        }
        buffer.len = len as u32;
    }
}
