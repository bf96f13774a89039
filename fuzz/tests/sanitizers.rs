//! Servers with sanitizers, built by clang with its static runtime and by gcc with its shared one: `replay`
//! shows the report, and an input without a fault is answered.

mod common;

use common::TestDir;
use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;

/// Asserts that the target answers one request, and that another one is a crash with `words` in its report.
fn reports(name: &str, flags: &[&str], path: &str, words: &str) {
    for compiler in ["clang", "gcc"] {
        let dir = TestDir::new();
        let Some(server) = dir.target(name, compiler, flags) else { continue };
        let good = dir.write("good", b"GET /fine HTTP/1.1\r\n\r\n");
        dir.sockfuzz().arg("replay").arg(good).arg("--").arg(&server).assert().code(0);
        let bad = dir.write("bad", format!("GET {path} HTTP/1.1\r\n\r\n").as_bytes());
        dir.sockfuzz()
            .args(["replay", "--timeout", "20"])
            .arg(bad)
            .arg("--")
            .arg(&server)
            .env("ASAN_OPTIONS", "abort_on_error=1:detect_leaks=1")
            .assert()
            .code(4)
            .stdout(contains("=> CRASH: SIGABRT").and(contains(words)));
    }
}

#[test]
fn overflows() {
    reports("overflows", &["-fsanitize=address"], "/over", "AddressSanitizer: heap-buffer-overflow");
}

/// The symbolizer, which the sanitizer's runtime starts with the server's environment, is not treated as a server.
#[test]
fn addresses_are_symbolized() {
    if common::installed("llvm-symbolizer", "llvm").is_none() {
        return;
    }
    for sandbox in ["auto", "off"] {
        let dir = TestDir::new();
        let Some(server) = dir.target("overflows", "clang", &["-fsanitize=address"]) else { continue };
        let bad = dir.write("bad", b"GET /over HTTP/1.1\r\n\r\n");
        dir.sockfuzz()
            .args(["replay", "--timeout", "20", "--sandbox", sandbox])
            .arg(bad)
            .arg("--")
            .arg(&server)
            .assert()
            .code(4)
            .stdout(contains("overflows.c:").and(contains("external symbolizer").not()));
    }
}

#[test]
fn undefined() {
    let words = "runtime error: signed integer overflow";
    reports("undefined", &["-fsanitize=undefined"], "/over", words);
    // With the flags of most build systems, the compiler makes reports fatal.
    reports("undefined", &["-fsanitize=undefined", "-fno-sanitize-recover=all"], "/over", words);
}

#[test]
fn leaks_memory() {
    reports("leaks_memory", &["-fsanitize=address"], "/lost", "LeakSanitizer: detected memory leaks");
}

/// The allocator of the newer runtime that rustc links asks for the time while it holds its lock, after a failed dlsym(3).
/// What the preload does then must not allocate.
#[test]
fn rust_servers_with_address_sanitizer_serve() {
    let dir = TestDir::new();
    // The flag is unstable, the runtime is a part of every toolchain.
    let flags = ["-Zsanitizer=address"];
    let server = dir.rust_target_with("hash_order", &flags, &[("RUSTC_BOOTSTRAP", "1")]);
    let request = dir.write("good", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    dir.sockfuzz().arg("replay").arg(request).arg("--").arg(&server).assert().code(0);
}
