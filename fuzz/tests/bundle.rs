//! `sockfuzz bundle`: a directory that fuzzes a server without anything else of this machine.

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use common::{TestDir, bundled, fixed_port, installed, program_with};
use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;
use sockfuzz::campaign::cargo_afl::CargoAfl;

/// Answer of the test's server: what its two files hold.
const ANSWER: &str = "data config";

/// Server that reads two files in the directory `home`, one by its absolute path and one relative to it.
fn server(dir: &TestDir) -> PathBuf {
    let data = dir.write("home/data", b"data ");
    dir.write("home/config", b"config");
    dir.server_with("reads_files", &["-DINSTRUMENTED", &format!("-DDATA=\"{}\"", data.display())])
}

/// Makes a bundle in the directory `name`.
fn bundle(dir: &TestDir, name: &str, server: &Path) -> assert_cmd::assert::Assert {
    let mut command = dir.sockfuzz();
    command.current_dir(dir.path("home"));
    command.args(["bundle", "-o"]).arg(dir.path(name)).arg("-i").arg(dir.corpus()).arg("--").arg(server);
    command.assert()
}

/// Runs a program of a bundle, with `input` as stdin.
fn run(program: &Path, arguments: &[&str], input: &str) -> Output {
    let mut command = assert_cmd::Command::new(program);
    command.args(arguments).write_stdin(input).env_clear().env("PATH", "/usr/bin:/bin").current_dir("/");
    command.output().expect("it starts")
}

fn emitted(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// Returns the paths and contents of all files below a directory.
fn contents(directory: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).expect("readable").map(|entry| entry.expect("an entry").path()) {
        match entry.is_dir() {
            true => files.extend(contents(&entry)),
            false => files.push((entry.clone(), fs::read(&entry).expect("readable"))),
        }
    }
    files.sort();
    files
}

/// The bundle works at another place, when nothing is left of what it was made from.
#[test]
fn a_moved_bundle_needs_nothing_of_the_server_s_machine() {
    let dir = TestDir::new();
    let server = server(&dir);
    bundle(&dir, "made", &server).code(0).stdout(contains("3 files, listed in manifest.json"));
    let moved = dir.path("elsewhere/bundle");
    fs::create_dir(dir.path("elsewhere")).expect("mkdir");
    fs::rename(dir.path("made"), &moved).expect("moved");
    fs::remove_file(&server).expect("removed");
    fs::remove_dir_all(dir.path("home")).expect("removed");

    let request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    let answered = run(&moved.join("sockfuzz"), &["run"], request);
    assert!(emitted(&answered).contains(ANSWER), "{}", emitted(&answered));
    let checked = run(&moved.join("check"), &["--no-loop"], "");
    assert!(checked.status.success(), "{}", emitted(&checked));
    assert!(emitted(&checked).contains("1 seed: answered as over TCP"), "{}", emitted(&checked));
}

#[test]
fn equal_inputs_make_equal_bundles() {
    let dir = TestDir::new();
    let server = server(&dir);
    for name in ["one", "two"] {
        bundle(&dir, name, &server).code(0);
    }
    let [one, two] = ["one", "two"].map(|name| contents(&dir.path(name)));
    let relative = |files: &[(PathBuf, Vec<u8>)], name| -> Vec<PathBuf> {
        files.iter().map(|(path, _)| path.strip_prefix(dir.path(name)).expect("below").to_owned()).collect()
    };
    assert_eq!(relative(&one, "one"), relative(&two, "two"));
    let different = one.iter().zip(&two).find(|(one, two)| one.1 != two.1);
    assert!(different.is_none(), "{:?}", different.map(|(one, _)| &one.0));
}

/// afl-fuzz of the bundle fuzzes its target, as fleets start it.
#[test]
fn the_target_is_fuzzed_by_the_afl_fuzz_beside_it() {
    let dir = TestDir::new();
    let server = bundled(program_with("epoll", false));
    let mut command = dir.sockfuzz();
    command.args(["bundle", "-o", "made", "-i"]).arg(dir.corpus()).arg("--").arg(&server);
    command.args(["--model", "epoll", "--listen", "127.0.0.1:8080"]).assert().code(0);
    let corpus = dir.corpus().display().to_string();
    let out = dir.path("out").display().to_string();
    let target = only_target(&dir.path("made"));
    let status = Command::new(dir.path("made/afl-fuzz"))
        .args(["-E", "2000", "-Sdefault", "-mnone", &format!("-i{corpus}"), &format!("-o{out}")])
        .arg(&target)
        .arg("2147483647")
        .envs([("AFL_NO_UI", "1"), ("AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES", "1"), ("AFL_SKIP_CPUFREQ", "1")])
        .env("AFL_TRY_AFFINITY", "1")
        .output()
        .expect("it starts");
    assert!(status.status.success(), "{}", emitted(&status));
    let stats = fs::read_to_string(dir.path("out/default/fuzzer_stats")).expect("fuzzed");
    let edges = stats.lines().find(|line| line.starts_with("edges_found")).expect("a row");
    assert!(edges.rsplit(' ').next().and_then(|count| count.parse::<u32>().ok()) > Some(50), "{stats}");
}

fn only_target(bundle: &Path) -> PathBuf {
    let entries = fs::read_dir(bundle).expect("readable").map(|entry| entry.expect("an entry").path());
    entries.into_iter().find(|path| path.to_string_lossy().ends_with("_fuzzer")).expect("a target")
}

/// Fleets take every file with these bytes for a target, unless its name has an extension.
#[test]
fn only_the_target_is_marked_as_one() {
    let dir = TestDir::new();
    bundle(&dir, "made", &server(&dir)).code(0);
    let mark = b"LLVMFuzzerTestOneInput";
    let is_marked = |bytes: &[u8]| memchr::memmem::find(bytes, mark).is_some();
    let files = contents(&dir.path("made")).into_iter();
    let marked =
        files.filter(|(path, bytes)| path.extension().is_none() && is_marked(bytes)).map(|(path, _)| path);
    assert_eq!(marked.collect::<Vec<_>>(), [dir.path("made/reads_files_fuzzer")]);
}

/// Fleets look for the sanitizer in the target itself, and for its report in what the target prints.
#[test]
fn the_target_of_a_sanitizer_build_contains_the_server() {
    if installed("clang", "clang").is_none() {
        return;
    }
    let _port = fixed_port();
    let dir = TestDir::new();
    let cargo_afl = CargoAfl::find_or_install().expect("cargo-afl");
    let server = dir.loop_target("overflows", "clang", &["-fsanitize=address"], &cargo_afl);
    let mut command = dir.sockfuzz();
    command.args(["bundle", "-o", "made", "-i"]).arg(dir.corpus()).arg("--").arg(&server);
    command.assert().code(0);
    let target = dir.path("made/overflows_fuzzer");
    let bytes = fs::read(&target).expect("readable");
    assert!(memchr::memmem::find(&bytes, b"__asan_report_store").is_some());
    let bad = dir.write("bad", b"GET /over HTTP/1.1\r\n\r\n").display().to_string();
    let played = run(&target, &[&bad], "");
    assert!(!played.status.success(), "{}", emitted(&played));
    assert!(emitted(&played).contains("AddressSanitizer: heap-buffer-overflow"), "{}", emitted(&played));
    let good = dir.write("good", b"GET /fine HTTP/1.1\r\n\r\n").display().to_string();
    assert!(run(&target, &[&good], "").status.success());
}

#[test]
fn an_existing_directory_is_not_touched() {
    let dir = TestDir::new();
    let server = server(&dir);
    dir.write("made/precious", b"mine");
    bundle(&dir, "made", &server).code(1).stderr(contains("exists").and(contains("remedy")));
    assert_eq!(contents(&dir.path("made")).len(), 1);
}

#[test]
fn an_unusable_name_and_a_missing_file_are_refused() {
    let dir = TestDir::new();
    let server = server(&dir);
    let refused = |arguments: &[&str], message: &str, code: i32| {
        let mut command = dir.sockfuzz();
        command.args(["bundle", "-o", "made", "-i"]).arg(dir.corpus()).args(arguments).arg("--").arg(&server);
        command.assert().code(code).stderr(contains(message));
        assert!(!dir.path("made").exists());
    };
    refused(&["--name", "a b"], "is no name of letters", 2);
    refused(&["--include", "/no/such/file"], "does not exist", 1);
}
