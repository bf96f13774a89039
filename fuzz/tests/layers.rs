//! Layers of the crates: imports between sibling modules go in one direction, and type names are unique.

#[path = "layers/checker_tests.rs"]
mod checker_tests;
#[path = "layers/checks.rs"]
mod checks;
#[path = "layers/collector.rs"]
mod collector;
#[path = "layers/modules.rs"]
mod modules;

use std::path::Path;

use modules::Modules;

fn read(source_directory: &str) -> Modules {
    Modules::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join(".."), source_directory)
}

fn assert_imports_go_down(source_directory: &str) {
    let cycles = read(source_directory).import_cycles();
    assert!(cycles.is_empty(), "{} import cycles:\n{}", cycles.len(), cycles.join("\n"));
}

fn assert_type_names_are_unique(source_directory: &str) {
    let duplicates = read(source_directory).duplicate_types();
    assert!(
        duplicates.is_empty(),
        "{} type names are declared more than once:\n{}",
        duplicates.len(),
        duplicates.join("\n")
    );
}

#[test]
fn preload_imports_go_down() {
    assert_imports_go_down("preload/src");
}

#[test]
fn handover_imports_go_down() {
    assert_imports_go_down("preload/handover/src");
}

#[test]
fn protocol_imports_go_down() {
    assert_imports_go_down("preload/protocol/src");
}

#[test]
fn tls_imports_go_down() {
    assert_imports_go_down("preload/tls/src");
}

#[test]
fn fuzz_imports_go_down() {
    assert_imports_go_down("fuzz/src");
}

#[test]
fn model_imports_go_down() {
    assert_imports_go_down("fuzz/model/src");
}

#[test]
fn mutator_imports_go_down() {
    assert_imports_go_down("fuzz/mutator/src");
}

#[test]
fn preload_type_names_are_unique() {
    assert_type_names_are_unique("preload/src");
}

#[test]
fn handover_type_names_are_unique() {
    assert_type_names_are_unique("preload/handover/src");
}

#[test]
fn protocol_type_names_are_unique() {
    assert_type_names_are_unique("preload/protocol/src");
}

#[test]
fn tls_type_names_are_unique() {
    assert_type_names_are_unique("preload/tls/src");
}

#[test]
fn fuzz_type_names_are_unique() {
    assert_type_names_are_unique("fuzz/src");
}

#[test]
fn model_type_names_are_unique() {
    assert_type_names_are_unique("fuzz/model/src");
}

#[test]
fn mutator_type_names_are_unique() {
    assert_type_names_are_unique("fuzz/mutator/src");
}
