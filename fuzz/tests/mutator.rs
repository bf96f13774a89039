//! Custom mutator in the real afl-fuzz, and through its C interface.

mod common;

use std::ffi::{c_uint, c_void};
use std::fs;
use std::path::Path;
use std::ptr;

use common::{TestDir, real_server, stat};
use libloading::Library;
use sockfuzz::campaign::mutator;
use sockfuzz::recipe::Home;

/// Fuzzes nginx with all seeds, and returns the file names of afl-fuzz's queue.
fn found(home: &Home, dir: &TestDir, out: &str, options: &[&str]) -> Vec<String> {
    let variables = home.options.variables().map(|(name, value)| (name, value.to_owned()));
    dir.sockfuzz()
        .envs(variables)
        .args(["fuzz", "--no-check", "-t", "2000", "-o", out])
        .args(options)
        .arg("--")
        .arg(&home.server.program)
        .args(&home.server.arguments)
        .assert()
        .code(0);
    let names = fs::read_dir(dir.path(out).join("default/queue")).expect("a queue").flatten();
    let entries = names.filter(|entry| entry.path().is_file()).inspect(|entry| {
        let size = entry.metadata().expect("a file").len();
        assert!((1..=1 << 20).contains(&size), "{entry:?} has {size} bytes");
    });
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

#[test]
fn the_mutator_finds_inputs_beside_havoc_and_splices() {
    let Some(home) = real_server("nginx") else { return };
    let dir = TestDir::new();
    let names = found(&home, &dir, "with", &["--transport", "memory", "--afl", "-E 200000"]);
    let count = |what: &str| names.iter().filter(|name| name.contains(what)).count();
    assert!(count("op:http") > 20, "{names:?}");
    assert!(count("op:havoc") > 5, "{names:?}");
    assert!(count("take_") + count("splice") > 3, "{names:?}");
    assert_eq!(stat(&dir.path("with"), "default", "saved_crashes"), 0.0);
    assert!(stat(&dir.path("with"), "default", "stability") > 95.0);
}

#[test]
fn mutator_none_disables_the_mutator() {
    let Some(home) = real_server("nginx") else { return };
    let dir = TestDir::new();
    let options = ["--mutator", "none", "--transport", "memory", "--afl", "-c - -E 20000"];
    let names = found(&home, &dir, "without", &options);
    assert!(names.len() > 50);
    assert!(!names.iter().any(|name| name.contains("op:http")), "{names:?}");
}

type Init = unsafe extern "C" fn(*mut c_void, c_uint) -> *mut c_void;
type Fuzz =
    unsafe extern "C" fn(*mut c_void, *mut u8, usize, *mut *const u8, *const u8, usize, usize) -> usize;
type Deinit = unsafe extern "C" fn(*mut c_void);

/// Returns the mutations that a fresh mutator makes of the same two inputs, called as by afl-fuzz.
fn children(library: &Path, seed: c_uint) -> Vec<Vec<u8>> {
    let mut parent = *b"GET /a HTTP/1.1\r\nHost: b\r\n\r\n";
    let other = b"POST /c HTTP/1.1\r\nContent-Length: 1\r\n\r\nd";
    // SAFETY: the functions have these types and get valid arguments; `output` holds `size` bytes until the next call.
    unsafe {
        let library = Library::new(library).expect("it loads");
        let init = library.get::<Init>("afl_custom_init").expect("exported");
        let fuzz = library.get::<Fuzz>("afl_custom_fuzz").expect("exported");
        let deinit = library.get::<Deinit>("afl_custom_deinit").expect("exported");
        let data = init(ptr::null_mut(), seed);
        let mut child = || {
            let mut output = ptr::null();
            let size = fuzz(
                data,
                parent.as_mut_ptr(),
                parent.len(),
                &raw mut output,
                other.as_ptr(),
                other.len(),
                4096,
            );
            std::slice::from_raw_parts(output, size).to_vec()
        };
        let children = (0..2000).map(|_| child()).collect();
        deinit(data);
        children
    }
}

#[test]
fn mutations_are_deterministic_for_a_seed() {
    let library = mutator::locate().expect("the mutator");
    assert_eq!(children(&library, 1), children(&library, 1));
    assert_ne!(children(&library, 1), children(&library, 2));
}
