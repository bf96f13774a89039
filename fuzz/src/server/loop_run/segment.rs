//! System V shared memory (shmget(2)) as AFL++ passes it to a server: for inputs and for coverage.

use std::ffi::c_void;
use std::io;
use std::ptr::{self, NonNull};

/// Attached segment. It is removed when it is dropped, or when the last process detaches it after [`Self::remove_late`].
#[derive(Debug)]
pub(super) struct SharedSegment {
    number: i32,
    address: NonNull<c_void>,
    len: usize,
}

// SAFETY: the address belongs to this value alone, and is not tied to a thread.
unsafe impl Send for SharedSegment {}

impl SharedSegment {
    /// Creates a segment of `len` zero bytes.
    pub(super) fn new(len: usize) -> io::Result<Self> {
        // SAFETY: shmget(2) takes only numbers; shmat(2) chooses a place where nothing is mapped.
        unsafe {
            let number = libc::shmget(libc::IPC_PRIVATE, len, libc::IPC_CREAT | 0o600);
            if number < 0 {
                return Err(io::Error::last_os_error());
            }
            let address = libc::shmat(number, ptr::null(), 0);
            let error = io::Error::last_os_error();
            match NonNull::new(address).filter(|_| address.addr() != usize::MAX) {
                Some(address) => Ok(Self { number, address, len }),
                None => {
                    mark_for_removal(number);
                    Err(error)
                }
            }
        }
    }

    /// Removes the segment when no process has it attached any more, however this one ends. To be called when the server
    /// has attached it.
    pub(super) fn remove_late(&self) {
        mark_for_removal(self.number);
    }

    /// Returns the number for an environment variable.
    pub(super) fn number(&self) -> String {
        self.number.to_string()
    }

    /// Copies `bytes` to this offset.
    ///
    /// # Panics
    /// If they do not fit.
    pub(super) fn write(&self, offset: usize, bytes: &[u8]) {
        assert!(offset + bytes.len() <= self.len, "the bytes fit");
        // SAFETY: the bytes fit, and the server does not read them before it gets a request.
        unsafe {
            let place = self.address.as_ptr().cast::<u8>().add(offset);
            ptr::copy_nonoverlapping(bytes.as_ptr(), place, bytes.len());
        }
    }
}

impl SharedSegment {
    /// Sets the first `len` bytes to zero.
    ///
    /// # Panics
    /// If the segment is shorter.
    pub(super) fn clear(&self, len: usize) {
        assert!(len <= self.len, "the bytes exist");
        // SAFETY: the bytes exist, and the server writes to them only while it runs an input.
        unsafe { ptr::write_bytes(self.address.as_ptr().cast::<u8>(), 0, len) };
    }

    /// Returns a copy of the first `len` bytes.
    ///
    /// # Panics
    /// If the segment is shorter.
    pub(super) fn read(&self, len: usize) -> Vec<u8> {
        assert!(len <= self.len, "the bytes exist");
        let mut bytes = vec![0; len];
        // SAFETY: both ranges exist and are apart, and the server writes only while it runs an input.
        unsafe { ptr::copy_nonoverlapping(self.address.as_ptr().cast::<u8>(), bytes.as_mut_ptr(), len) };
        bytes
    }
}

fn mark_for_removal(number: i32) {
    // SAFETY: shmctl(2) needs no structure to mark a segment for removal.
    unsafe { libc::shmctl(number, libc::IPC_RMID, ptr::null_mut()) };
}

impl Drop for SharedSegment {
    fn drop(&mut self) {
        self.remove_late();
        // SAFETY: the address is that of the segment, which nothing borrows.
        unsafe { libc::shmdt(self.address.as_ptr()) };
    }
}
