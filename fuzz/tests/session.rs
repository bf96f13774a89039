//! `sockfuzz session`: inputs as text, and text as inputs.

mod common;

use std::fs;

use common::Yard;
use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;

#[test]
fn what_exists_is_overwritten_by_force_only() {
    let yard = Yard::new();
    yard.write("mine", b"precious");
    let pack = |options: &[&str]| {
        let mut command = yard.sockfuzz();
        command.args(["session", "pack", "-", "-o", "mine"]).args(options).write_stdin("send 0 \"a\"\n");
        command.assert()
    };
    pack(&[]).code(1).stderr(contains("mine exists").and(contains("remedy: ")).and(contains("--force")));
    assert_eq!(fs::read(yard.path("mine")).expect("still there"), b"precious");
    pack(&["--force"]).code(0);
    assert_eq!(fs::read(yard.path("mine")).expect("written"), b"a");
    let mut nowhere = yard.sockfuzz();
    nowhere.args(["session", "pack", "-", "-o", "no/where"]).write_stdin("send 0 \"a\"\n");
    nowhere.assert().code(1).stderr(contains("no/where cannot be written: ").and(contains("remedy: ")));
}
