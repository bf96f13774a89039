//! `sockfuzz cc`, `cargo`, `afl` and `env`: what they build is instrumented, and the preload finds the runtime.

mod common;

use std::process::Command;

use common::{TestDir, installed, workspace};
use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;
use sockfuzz::server::Server;
use sockfuzz::server::inspect::{self, Instrumentation};

const IN_DYNAMIC_SYMBOLS: &str = "instrumented (AFL++ runtime in the dynamic symbols)";

/// A library that requires all its symbols, and a stripped server with link-time optimisation: both are usual in packages.
#[test]
fn cc_instruments_servers_and_their_libraries() {
    let Some(_) = installed("clang", "clang") else { return };
    let dir = TestDir::new();
    dir.write("answer.c", b"int answer(int status) { return status > 399 ? 1 : 0; }\n");
    let cc = |arguments: &[&str]| {
        dir.sockfuzz().arg("cc").args(arguments).assert().code(0);
    };
    cc(&["-O2", "-fPIC", "-shared", "-Wl,-z,defs", "answer.c", "-o", "libanswer.so"]);
    let source = workspace().path("fuzz/tests/servers/blocking.c");
    let source = source.to_str().expect("UTF-8");
    cc(&["-flto", "-c", source, "-o", "server.o"]);
    cc(&[
        "-flto",
        "-s",
        "server.o",
        "-Wl,--no-as-needed",
        "-L.",
        "-lanswer",
        "-Wl,-rpath,$ORIGIN",
        "-o",
        "server",
    ]);
    dir.sockfuzz()
        .args(["check", "-i"])
        .arg(dir.corpus())
        .args(["--", "./server"])
        .assert()
        .code(0)
        .stdout(contains(IN_DYNAMIC_SYMBOLS).and(contains("under afl-fuzz with cmplog")));
}

#[test]
fn cc_adds_sanitizers() {
    let Some(_) = installed("clang", "clang") else { return };
    let dir = TestDir::new();
    dir.write("a.c", b"int main(int count, char **words) { return words[count] != 0; }\n");
    dir.sockfuzz().args(["cc", "--asan", "--ubsan", "a.c", "-o", "a"]).assert().code(0);
    let found = inspect::inspect(&Server::new(dir.path("a"), Vec::new())).expect("an executable");
    assert!(found.asan);
    assert_eq!(found.instrumentation, Instrumentation::DynamicSymbols);
}

#[test]
fn cxx_compiles_what_is_not_named_as_cxx() {
    let Some(_) = installed("clang++", "clang") else { return };
    let dir = TestDir::new();
    dir.write("a.c", b"template <class T> T same(T it) { return it; }\nint main() { return same(0); }\n");
    dir.sockfuzz().args(["c++", "-x", "c++", "a.c", "-o", "a"]).assert().code(0);
    assert!(Command::new(dir.path("a")).status().expect("starts").success());
}

#[test]
fn gcc_is_refused_with_the_reason() {
    let Some(gcc) = installed("gcc", "gcc") else { return };
    TestDir::new()
        .sockfuzz()
        .args(["cc", "--clang"])
        .arg(gcc)
        .args(["-c", "a.c"])
        .assert()
        .code(1)
        .stderr(contains("is not clang: it cannot insert the calls"));
}

/// The profile of the project strips and optimises at link time, and its ordinary builds stay as they are.
#[test]
fn cargo_builds_beside_the_ordinary_build() {
    let dir = TestDir::new();
    let manifest = "[package]\nname = \"served\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n\
                    [profile.release]\nstrip = true\nlto = true\n\n[workspace]\n";
    dir.write("Cargo.toml", manifest.as_bytes());
    let source = "use std::io::{Read, Write};\n\nfn main() {\n    \
                  let listener = std::net::TcpListener::bind(\"127.0.0.1:8080\").unwrap();\n    \
                  for connection in listener.incoming() {\n        let mut connection = connection.unwrap();\n        \
                  let _ = connection.read(&mut [0; 4096]);\n        \
                  let _ = connection.write_all(b\"HTTP/1.1 204 No Content\\r\\n\\r\\n\");\n    }\n}\n";
    dir.write("src/main.rs", source.as_bytes());
    dir.sockfuzz()
        .env_remove("CARGO_TARGET_DIR")
        .args(["cargo", "build", "--release"])
        .assert()
        .code(0)
        .stderr(contains("target/sockfuzz/release/served; next: sockfuzz check -- "));
    let program = dir.path("target/sockfuzz/release/served");
    let found = inspect::inspect(&Server::new(program.clone(), Vec::new())).expect("an executable");
    assert_eq!(found.instrumentation, Instrumentation::SymbolTable);
    dir.sockfuzz()
        .args(["check", "--no-loop", "-i"])
        .arg(dir.corpus())
        .arg("--")
        .arg(program)
        .assert()
        .code(0);
}

#[test]
fn cargo_fails_as_cargo_does() {
    let dir = TestDir::new();
    dir.write("Cargo.toml", b"[package]\nname = \"broken\"\nversion = \"0.1.0\"\n\n[workspace]\n");
    dir.write("src/main.rs", b"fn main() { broken }\n");
    dir.sockfuzz().args(["cargo", "build"]).assert().code(101).stderr(contains("cannot find value `broken`"));
}

#[test]
fn env_is_for_a_shell() {
    let Some(_) = installed("clang", "clang") else { return };
    let dir = TestDir::new();
    dir.write("a.c", b"int main(void) { return 0; }\n");
    let line = format!(
        "eval \"$({} env)\" && $CC a.c -o a && ./a && test -f \"$AFL_PRELOAD\" && cargo afl --version",
        env!("CARGO_BIN_EXE_sockfuzz")
    );
    let output =
        Command::new("sh").args(["-c", &line]).current_dir(dir.path("")).output().expect("sh starts");
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(stdout.contains("AFL++ version"), "{stdout}");
}

#[test]
fn afl_preloads_the_library_into_the_server() {
    let dir = TestDir::new();
    let Some(_) = installed("clang", "clang") else { return };
    let source = workspace().path("fuzz/tests/servers/blocking.c");
    dir.sockfuzz().arg("cc").arg(source).args(["-o", "server"]).assert().code(0);
    dir.sockfuzz()
        .args(["afl", "showmap", "-q", "-o", "map", "-i"])
        .arg(dir.corpus())
        .args(["--", "./server"])
        .assert()
        .code(0);
    assert!(dir.path("map").read_dir().expect("a directory of maps").count() > 0);
}
