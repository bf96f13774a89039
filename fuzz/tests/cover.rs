//! `sockfuzz cover`: what the compilers' own coverage has counted is saved without the server's help.

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::assert::Assert;
use common::{TestDir, installed, skip, workspace};
use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;
use sockfuzz::coverage::llvm_tools::{self, Compiler};
use sockfuzz::coverage::summary::CoverageSummary;
use sockfuzz::coverage::tracefile::Tracefile;

/// Arguments of `sockfuzz cc` for both compilers.
const CLANG: &[&str] = &["--coverage"];
const GCC: &[&str] = &["--coverage", "--gcc"];

/// Compiles `tests/servers/covered.c` with coverage; `None` if the compiler, or what reads its profiles, is missing.
fn covered(dir: &TestDir, compiler: &[&str], flags: &[&str]) -> Option<PathBuf> {
    let (program, package) = if compiler == GCC { ("gcov", "gcc") } else { ("llvm-cov", "llvm") };
    installed(program, package)?;
    installed(if compiler == GCC { "gcc" } else { "clang" }, "clang")?;
    let source = workspace().path("fuzz/tests/servers/covered.c");
    let mut command = dir.sockfuzz();
    command.arg("cc").args(compiler).args(["-O2", "-o", "covered"]).args(flags).arg(source).assert().code(0);
    Some(dir.path("covered"))
}

fn inputs(dir: &TestDir, inputs: &[&[u8]]) -> PathBuf {
    for (number, input) in inputs.iter().enumerate() {
        dir.write(&format!("inputs/{number}"), input);
    }
    dir.path("inputs")
}

fn cover(dir: &TestDir, inputs: &Path, server: &Path) -> Assert {
    let mut command = dir.sockfuzz();
    command.args(["cover", "out", "--timeout", "1", "-i"]).arg(inputs).arg("--").arg(server).assert().code(0)
}

fn tracefile(dir: &TestDir) -> Tracefile {
    let text = fs::read_to_string(dir.path("out/coverage/coverage.info")).expect("a tracefile");
    Tracefile::parse(&text)
}

/// Returns the calls of a function of the server.
fn calls(tracefile: &Tracefile, function: &str) -> u64 {
    let file = tracefile.files.values().next().expect("a file");
    file.functions.get(function).unwrap_or_else(|| panic!("{function} is not in {file:?}")).calls
}

fn assert_calls(dir: &TestDir, expected: &[(&str, u64)]) {
    let tracefile = tracefile(dir);
    for (function, count) in expected {
        assert_eq!(calls(&tracefile, function), *count, "{function}");
    }
}

#[test]
fn lines_and_functions_that_clang_counts_are_shown() {
    let dir = TestDir::new();
    let Some(server) = covered(&dir, CLANG, &[]) else { return };
    let inputs = inputs(&dir, &[b"A 1", b"A 2", b"A 3"]);
    cover(&dir, &inputs, &server).stdout(contains("covered.c").or(contains("all, below")));
    assert_calls(&dir, &[("main", 1), ("serve", 3), ("answers", 3), ("never_called", 0)]);
    let summary = fs::read(dir.path("out/coverage/summary.json")).expect("totals");
    let summary: CoverageSummary = serde_json::from_slice(&summary).expect("JSON");
    assert_eq!((summary.inputs, summary.functions_covered, summary.functions_total), (3, 3, 6));
    let index = dir.path("out").join(summary.index.expect("HTML"));
    assert!(fs::read_to_string(index).expect("readable").contains("covered.c"));
    let unreached = fs::read_to_string(dir.path("out/coverage/functions.txt")).expect("a list");
    assert!(unreached.contains(": never_called ("), "{unreached}");
    assert_eq!(fs::read_dir(dir.path("out")).expect("readable").count(), 1, "nothing is left behind");
}

#[test]
fn lines_and_functions_that_gcc_counts_are_shown() {
    let dir = TestDir::new();
    let Some(server) = covered(&dir, GCC, &[]) else { return };
    let inputs = inputs(&dir, &[b"A 1", b"A 2", b"A 3"]);
    cover(&dir, &inputs, &server);
    assert_calls(&dir, &[("main", 1), ("serve", 3), ("answers", 3), ("never_called", 0)]);
}

/// The input that crashes counts with clang; gcc's runtime cannot write then, so the inputs before it are played again.
#[test]
fn crashes_and_hangs_lose_no_other_input() {
    for (compiler, itself) in [(CLANG, 1), (GCC, 0)] {
        let dir = TestDir::new();
        let Some(server) = covered(&dir, compiler, &[]) else { return };
        let inputs = inputs(&dir, &[b"A 1", b"A 2", b"C", b"A 3", b"H", b"A 4"]);
        cover(&dir, &inputs, &server).stdout(contains("2 of them ended or hung"));
        assert_calls(&dir, &[("answers", 4), ("crashes", itself), ("hangs", 1), ("never_called", 0)]);
    }
}

/// A child has given up its rights and the environment, as workers do, before it saves anything.
#[test]
fn child_processes_are_counted_once() {
    for compiler in [CLANG, GCC] {
        let dir = TestDir::new();
        let Some(server) = covered(&dir, compiler, &["-DFORKS"]) else { return };
        let inputs = inputs(&dir, &[b"A 1", b"A 2", b"A 3"]);
        cover(&dir, &inputs, &server);
        assert_calls(&dir, &[("main", 1), ("serve", 3), ("answers", 3)]);
    }
}

/// A library has a runtime of its own, which the loader does not see.
#[test]
fn libraries_are_covered() {
    let dir = TestDir::new();
    let Some(_) = covered(&dir, CLANG, &[]) else { return };
    let cc = |arguments: &[&str]| {
        dir.sockfuzz().args(["cc", "--coverage"]).args(arguments).assert().code(0);
    };
    dir.write("library.c", b"int served(void);\nint served(void) { static int count; return ++count; }\n");
    dir.write("main.c", b"int main(void);\nint run(void);\nint main(void) { return run(); }\n");
    cc(&["-fPIC", "-shared", "library.c", "-o", "libserved.so"]);
    let source = workspace().path("fuzz/tests/servers/covered.c");
    let source = source.to_str().expect("UTF-8");
    let linked = ["-L.", "-lserved", "-Wl,-rpath,$ORIGIN", "-o", "covered"];
    cc(&[&["-DCOUNTS", source][..], &linked].concat());
    let inputs = inputs(&dir, &[b"A 1", b"A 2"]);
    cover(&dir, &inputs, &dir.path("covered"));
    let tracefile = tracefile(&dir);
    let served = tracefile.files.values().find_map(|file| file.functions.get("served"));
    assert_eq!(served.expect("the library's function").calls, 2);
}

#[test]
fn crates_are_covered() {
    let dir = TestDir::new();
    dir.write(
        "Cargo.toml",
        b"[package]\nname = \"served\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[workspace]\n",
    );
    let source = "use std::io::{Read, Write};\n\nfn main() {\n    \
                  let listener = std::net::TcpListener::bind(\"127.0.0.1:0\").unwrap();\n    \
                  for connection in listener.incoming() {\n        let mut connection = connection.unwrap();\n        \
                  let mut request = [0; 4096];\n        let _ = connection.read(&mut request);\n        \
                  connection.write_all(answer(request[0]).as_bytes()).unwrap();\n    }\n}\n\n\
                  fn answer(first: u8) -> &'static str {\n    match first {\n        \
                  b'N' => never(),\n        _ => \"HTTP/1.1 204 No Content\\r\\n\\r\\n\",\n    }\n}\n\n\
                  fn never() -> &'static str {\n    \"never\"\n}\n";
    dir.write("src/main.rs", source.as_bytes());
    dir.sockfuzz()
        .env_remove("CARGO_TARGET_DIR")
        .args(["cargo", "--coverage", "build", "--release"])
        .assert()
        .code(0)
        .stderr(contains("target/sockfuzz-coverage/release/served; next: sockfuzz cover OUT -- "));
    let program = dir.path("target/sockfuzz-coverage/release/served");
    let compiler = Compiler::of(&program).expect("rustc says so");
    if llvm_tools::candidates(&compiler).is_empty() {
        return skip(&format!("no LLVM tools for {compiler}: {}", compiler.remedy()));
    }
    let inputs = inputs(&dir, &[b"A 1", b"A 2", b"A 3"]);
    cover(&dir, &inputs, &program);
    assert_calls(&dir, &[("served::main", 1), ("served::answer", 3), ("served::never", 0)]);
}

#[test]
fn two_campaigns_are_compared() {
    let dir = TestDir::new();
    let Some(server) = covered(&dir, CLANG, &[]) else { return };
    cover(&dir, &inputs(&dir, &[b"C"]), &server);
    fs::rename(dir.path("out"), dir.path("crashed")).expect("renamed");
    cover(&dir, &inputs(&dir, &[b"A"]), &server);
    dir.sockfuzz().args(["cover", "out", "--compare", "crashed"]).assert().code(0).stdout(
        contains("reached only in out: ")
            .and(contains("\n    answers\n"))
            .and(contains("reached only in crashed: "))
            .and(contains("\n    crashes\n")),
    );
}

/// Over real TCP, a server that exits at SIGTERM writes its profile itself. Its lines are those through the preload, but
/// for those of its end.
#[test]
fn the_plain_server_reaches_the_same_lines() {
    for compiler in [CLANG, GCC] {
        let dir = TestDir::new();
        let Some(server) = covered(&dir, compiler, &["-DEXITS"]) else { return };
        let inputs = inputs(&dir, &[b"A 1", b"A 2"]);
        cover(&dir, &inputs, &server);
        fs::rename(dir.path("out"), dir.path("preload")).expect("renamed");
        let mut command = dir.sockfuzz();
        command
            .args(["cover", "out", "--over", "tcp", "-i"])
            .arg(&inputs)
            .arg("--")
            .arg(&server)
            .assert()
            .code(0);
        let only = |one: &str, other: &str| {
            let output = dir.sockfuzz().args(["cover", one, "--compare", other]).output().expect("runs");
            String::from_utf8(output.stdout).expect("UTF-8")
        };
        let differences = only("out", "preload");
        assert!(differences.contains("reached only in preload: 0 lines"), "{differences}");
        assert!(differences.contains("reached only in out: 1 lines, 1 functions"), "{differences}");
    }
}

#[test]
fn a_server_without_coverage_is_refused_with_the_remedy() {
    let dir = TestDir::new();
    let server = dir.server("covered");
    let inputs = inputs(&dir, &[b"A"]);
    let mut command = dir.sockfuzz();
    command.args(["cover", "out", "-i"]).arg(inputs).arg("--").arg(server).assert().code(1).stderr(
        contains("has left no coverage").and(contains("remedy: build it with CC='sockfuzz cc --coverage'")),
    );
    assert!(!dir.path("out/coverage").exists());
}

#[test]
fn a_directory_of_somebody_else_stays_as_it_is() {
    let dir = TestDir::new();
    let server = dir.server("covered");
    let own = dir.write("out/coverage/thesis.tex", b"mine");
    let inputs = inputs(&dir, &[b"A"]);
    let mut command = dir.sockfuzz();
    command
        .args(["cover", "out", "-i"])
        .arg(inputs)
        .arg("--")
        .arg(server)
        .assert()
        .code(1)
        .stderr(contains("is not a directory that sockfuzz cover has written"));
    assert_eq!(fs::read(own).expect("still there"), b"mine");
}

#[test]
fn a_directory_without_a_queue_is_refused() {
    let dir = TestDir::new();
    let server = dir.server("covered");
    dir.sockfuzz().args(["cover", ".", "--"]).arg(server).assert().code(1).stderr(contains("has no queue"));
}
