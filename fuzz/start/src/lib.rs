//! Becomes the launcher of a bundle before `main`. Fleets examine a fuzz target's own executable, for example for calls of
//! AddressSanitizer, and the launcher has none of the server's code. So the target of such a bundle is a copy of the
//! server's executable that needs this library, too. Its constructor replaces the process by the launcher, which starts the
//! server as it was built.

use std::ffi::{CStr, CString, OsStr, c_char, c_int};
use std::mem::MaybeUninit;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;
use std::{env, fs, ptr};

use sockfuzz_protocol::{LAUNCHER_FILE, TARGET_VARIABLE};

/// glibc calls constructors with the arguments of `main` (its elf/dl-init.c); others would have to read /proc.
#[used]
#[unsafe(link_section = ".init_array")]
static CONSTRUCTOR: extern "C" fn(c_int, *const *const c_char) = start;

extern "C" fn start(_: c_int, arguments: *const *const c_char) {
    // An error of any kind must not let the server start as if it were the target.
    if let Some(target) = fs::read_link("/proc/self/exe").ok().filter(|_| !arguments.is_null()) {
        become_launcher(&target, arguments);
    }
    eprintln!("sockfuzz: the launcher of this bundle cannot be started: keep the files of a bundle together");
    // SAFETY: it has no preconditions.
    unsafe { libc::_exit(1) }
}

/// Returns only if the launcher cannot be executed.
fn become_launcher(target: &Path, arguments: *const *const c_char) {
    let Some(library) = own_path() else { return };
    let launcher = Path::new(OsStr::from_bytes(library.to_bytes())).with_file_name(LAUNCHER_FILE);
    let Ok(launcher) = CString::new(launcher.into_os_string().into_vec()) else { return };
    // SAFETY: the process has one thread before `main`.
    unsafe { env::set_var(TARGET_VARIABLE, target) };
    // SAFETY: the path ends with a zero byte; the arguments are those of `main`, which end with a null pointer.
    unsafe { libc::execv(launcher.as_ptr(), arguments) };
}

/// Returns the path of this library.
fn own_path() -> Option<&'static CStr> {
    let mut found = MaybeUninit::<libc::Dl_info>::uninit();
    let within: *const () = ptr::from_ref(&CONSTRUCTOR).cast();
    // SAFETY: `found` may be written. dladdr(3) accepts any address.
    let is_found = unsafe { libc::dladdr(within.cast(), found.as_mut_ptr()) } != 0;
    // SAFETY: dladdr has filled it.
    let name = is_found.then(|| unsafe { found.assume_init() }.dli_fname).filter(|name| !name.is_null())?;
    // SAFETY: the dynamic linker's name of a loaded library ends with a zero byte and lives as long as the library.
    Some(unsafe { CStr::from_ptr(name) })
}
