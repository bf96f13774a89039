//! Servers whose files are at another place than where they were when the servers were built, in single runs. A test has
//! the name of its target.

mod common;

use common::{Target, contains, describe, run, transports};

include!("targets/relocated.rs");

const REQUEST: &[u8] = b"GET /path HTTP/1.1\r\nHost: a\r\n\r\n";

/// Runs a target with its files, over each transport, and in the sandbox.
fn finds_its_files(name: &str) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let relocations = lay_out_relocated(directory.path());
    let target = Target::compile(name, &[&rpath_of_modules(directory.path())]);
    let sandbox = [("SOCKFUZZ_SANDBOX", "auto"), ("SOCKFUZZ_WRITABLE", "/nonexistent/server")];
    let every_transport = transports().map(Vec::from);
    for options in every_transport.into_iter().chain([sandbox.to_vec()]) {
        let mut command = target.command(&options);
        command.env("SOCKFUZZ_RELOCATE", &relocations);
        let output = run(command, REQUEST);
        assert!(output.status.success(), "{name} {options:?}: {}", describe(&output));
        assert!(output.stdout.ends_with(b"GET /path HTTP/1.1\n"), "{name} {}", describe(&output));
    }
    let output = target.run(REQUEST, &[]);
    assert_eq!(output.status.code(), Some(70), "{name} needs the option: {}", describe(&output));
}

test_relocated_targets!(finds_its_files);

#[test]
fn a_new_path_must_exist() {
    let target = Target::compile("accept_blocking", &[]);
    let output = target.run(REQUEST, &[("SOCKFUZZ_RELOCATE", "/nonexistent/server=/nonexistent/other")]);
    assert_eq!(output.status.code(), Some(69), "{}", describe(&output));
    assert!(
        contains(&output.stderr, "SOCKFUZZ_RELOCATE: /nonexistent/other cannot be used"),
        "{}",
        describe(&output)
    );
}

#[test]
fn a_pair_that_is_no_pair_is_reported() {
    let target = Target::compile("accept_blocking", &[]);
    let output = target.run(REQUEST, &[("SOCKFUZZ_RELOCATE", "/a=/b=/c")]);
    assert_eq!(output.status.code(), Some(69), "{}", describe(&output));
    assert!(contains(&output.stderr, "\"/a=/b=/c\" is not two paths"), "{}", describe(&output));
}
