//! nginx and lighttpd, neither of them ours: the distribution's binaries answer every seed as over
//! real TCP, and unmodified instrumented builds are fuzzed by the real afl-fuzz.

mod common;

use std::path::{Path, PathBuf};
use std::process::Command;

use common::{Yard, free_port, installed, skip, stat, workspace};
use predicates::str::contains;

/// Executions of a campaign: enough for several server processes, one after the other.
const EXECUTIONS: u32 = 40_000;

/// A directory with the server's fuzzing configuration.
fn render(yard: &Yard, server: &str) -> PathBuf {
    let home = yard.path(server);
    let output = Command::new(workspace().path("harness/servers/render"))
        .arg(server)
        .arg(&home)
        .arg(free_port().to_string())
        .output()
        .expect("render starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    home
}

/// How a server is started with the configuration in `home`.
fn arguments(server: &str, home: &Path) -> Vec<String> {
    let configuration = home.join(format!("{server}.conf")).display().to_string();
    match server {
        "nginx" => ["-e", "stderr", "-p", &home.display().to_string(), "-c", &configuration]
            .map(str::to_owned)
            .into(),
        _ => ["-D", "-f", &configuration].map(str::to_owned).into(),
    }
}

fn answers_as_over_tcp(server: &str) {
    let Some(program) = installed(server, server) else { return };
    let yard = Yard::new();
    let home = render(&yard, server);
    for transport in ["unix", "tcp"] {
        yard.sockfuzz()
            .args(["check", "--timeout", "20", "--transport", transport, "--writable"])
            .arg(home.join("tmp"))
            .arg("--")
            .arg(&program)
            .args(arguments(server, &home))
            .assert()
            .code(0)
            .stdout(contains("seeds: answered as over TCP"));
    }
}

#[test]
fn nginx_of_the_distribution_answers_as_over_tcp() {
    answers_as_over_tcp("nginx");
}

#[test]
fn lighttpd_of_the_distribution_answers_as_over_tcp() {
    answers_as_over_tcp("lighttpd");
}

/// Builds the instrumented server, or reuses the build.
fn build(server: &str) -> Option<PathBuf> {
    let workspace = workspace();
    let output = Command::new(workspace.path(&format!("harness/servers/{server}/build")))
        .env("CARGO_TARGET_DIR", workspace.target(""))
        .output()
        .expect("build starts");
    if !output.status.success() {
        skip(&format!("{server} cannot be built: {}", String::from_utf8_lossy(&output.stderr)));
        return None;
    }
    Some(workspace.target(&format!("servers/{server}/sbin/{server}")))
}

fn is_fuzzed(server: &str, least_stability: f64) {
    let Some(program) = build(server) else { return };
    let yard = Yard::new();
    let home = render(&yard, server);
    let output = yard.path("out");
    yard.sockfuzz()
        .args(["fuzz", "-t", "1000", "--afl", &format!("-E {EXECUTIONS}"), "-o"])
        .arg(&output)
        .arg("--writable")
        .arg(home.join("tmp"))
        .arg("--")
        .arg(&program)
        .args(arguments(server, &home))
        .assert()
        .code(0);
    assert!(stat(&output, "default", "execs_done") >= f64::from(EXECUTIONS));
    assert!(stat(&output, "default", "edges_found") > 1000.0);
    assert!(stat(&output, "default", "stability") >= least_stability);
    assert_eq!(stat(&output, "default", "total_tmout"), 0.0);
    assert_eq!(stat(&output, "default", "saved_crashes"), 0.0);
}

#[test]
fn nginx_is_fuzzed() {
    is_fuzzed("nginx", 99.0);
}

#[test]
fn lighttpd_is_fuzzed() {
    is_fuzzed("lighttpd", 97.0);
}
