//! Campaigns on a server that speaks TLS. Inputs are plaintext.

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::{TestDir, skip};
use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;
use sockfuzz::campaign::cargo_afl::CargoAfl;
use sockfuzz::util::certificates::CertificateSet;

const RESUMED: &str = "the server speaks TLS 1.2, all connections resume one session";

/// Compiled server, and its arguments.
struct TlsServer {
    program: PathBuf,
    certificates: PathBuf,
}

impl TlsServer {
    /// Compiles the server with instrumentation; `None` if the test has to be skipped.
    fn new(dir: &TestDir) -> Option<Self> {
        if !Path::new("/usr/include/openssl/ssl.h").exists() {
            skip("OpenSSL is missing; as root: apt-get install libssl-dev");
            return None;
        }
        let cargo_afl = CargoAfl::find_or_install().expect("cargo-afl");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/servers/speaks_tls.c");
        let program = dir.instrumented_with(&source, &["-lssl", "-lcrypto"], &cargo_afl)?;
        let certificates = dir.path("tls");
        CertificateSet::make(&certificates, false).expect("certificates");
        Some(Self { program, certificates })
    }

    /// Returns a command of sockfuzz on the server.
    fn command(&self, dir: &TestDir, arguments: &[&str]) -> assert_cmd::Command {
        let mut command = dir.sockfuzz();
        command.args(arguments).arg("--").arg(&self.program);
        command.args([self.certificates.join("server.crt"), self.certificates.join("server.key")]);
        command
    }
}

/// Directory with one seed, which is `request`.
fn seeds(dir: &TestDir, request: &[u8]) -> String {
    let seeds = dir.path("seeds");
    fs::create_dir(&seeds).expect("a new directory");
    fs::write(seeds.join("get"), request).expect("written");
    seeds.display().to_string()
}

#[test]
fn a_bug_behind_tls_is_found_and_replayed() {
    let dir = TestDir::new();
    let Some(server) = TlsServer::new(&dir) else { return };
    let seeds = seeds(&dir, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    // It resumes sessions, so each iteration takes no key exchange.
    let fuzz = ["fuzz", "-i", &seeds, "-t", "2000", "--no-triage", "--afl", "-c - -E 5000"];
    server.command(&dir, &fuzz).assert().stderr(contains(RESUMED).and(contains("transport memory: ")));
    let crashes = fs::read_dir(dir.path("out/default/crashes")).expect("crashes").flatten();
    let crash = crashes.map(|entry| entry.path()).find(|path| path.display().to_string().contains("sig:06"));
    let crash = crash.expect("the bug is found").display().to_string();
    // The campaign's record says that the client speaks TLS.
    let record = fs::read_to_string(dir.path("out/sockfuzz.json")).expect("the record");
    assert!(record.contains("\"tls\": \"on\""), "{record}");
    dir.sockfuzz().args(["replay", &crash]).assert().stdout(contains("speaks_tls.c:"));
}

#[test]
fn answers_equal_those_over_tcp() {
    let dir = TestDir::new();
    let Some(server) = TlsServer::new(&dir) else { return };
    let seeds = seeds(&dir, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let check = ["check", "-i", &seeds, "--no-loop"];
    server
        .command(&dir, &check)
        .assert()
        .code(0)
        .stdout(contains("1 seed: answered as over TCP").and(contains(RESUMED)));
}

#[test]
fn records_are_sent_below_tls() {
    let dir = TestDir::new();
    let Some(server) = TlsServer::new(&dir) else { return };
    let seeds = seeds(&dir, b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00");
    let check = ["check", "-i", &seeds, "--no-loop"];
    // The server answers a ClientHello that is too short by an alert.
    let answered = contains("1 seed: answered as over TCP").and(contains("\\x15\\x03"));
    server.command(&dir, &check).assert().code(0).stdout(answered);
}
