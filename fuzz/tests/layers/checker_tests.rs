//! Tests of the checker on small crates.

use std::path::{Path, PathBuf};

use super::modules::Modules;

fn parse(files: &[(&str, &str)]) -> Modules {
    let files = files.iter().map(|&(path, text)| (PathBuf::from(path), text.to_owned())).collect();
    Modules::parse(Path::new("src"), &files)
}

/// Returns the first line of each cycle in the crate `mod a; mod b; mod c;` with the given bodies.
fn cycles(a: &str, b: &str, c: &str) -> Vec<String> {
    let modules = parse(&[("lib.rs", "mod a; mod b; mod c;"), ("a.rs", a), ("b.rs", b), ("c.rs", c)]);
    let first_line = |cycle: String| cycle.lines().next().map(str::to_owned).unwrap_or_default();
    modules.import_cycles().into_iter().map(first_line).collect()
}

const A_B: &[&str] = &["in crate: a -> b -> a"];

#[test]
fn imports_in_one_direction_are_no_cycle() {
    assert!(cycles("use crate::b::B;", "use super::c::C;", "").is_empty());
}

#[test]
fn cycles_name_their_modules_and_an_example_of_each_import() {
    let modules = parse(&[
        ("lib.rs", "mod a; mod b; mod c;"),
        ("a.rs", "\nuse crate::b::B;"),
        ("b.rs", "fn f() {\n\n  super::c::g() }"),
        ("c.rs", "type C = crate::a::A;"),
    ]);
    let expected =
        "in crate: a -> b -> c -> a\n    a -> b: src/a.rs:2\n    b -> c: src/b.rs:3\n    c -> a: src/c.rs:1";
    assert_eq!(modules.import_cycles(), [expected]);
}

#[test]
fn paths_are_found_in_every_kind_of_source() {
    for path in [
        "use crate::{b::{self, B}, x};",
        "use super::b::*;",
        "use crate::b as other;",
        "fn f(x: crate::b::B) {}",
        "fn f() { crate::b::f() }",
        "fn f() { use crate::b; }",
        "impl crate::b::T for A {}",
        "macro_rules! m { () => { [$crate::b::f(1)] } }",
        "fn f() { println!(\"{}\", crate::b::f()) }",
        "mod inner { use super::super::b::B; }",
        "mod inner { fn f() -> Result<(), Box<dyn crate::b::T>> {} }",
        "use self::super::b::B;",
        "use super::*; fn f() { b::f() }",
        "use std::fs; use crate::b as other; fn f() { other::f() }",
    ] {
        assert_eq!(cycles(path, "use crate::a::A;", ""), A_B, "{path}");
    }
}

#[test]
fn names_bound_by_use_are_followed() {
    let modules = parse(&[
        ("lib.rs", "mod a;"),
        ("a/mod.rs", "mod x; mod y;"),
        ("a/x.rs", "use crate::a; fn f() { a::y::f() }"),
        ("a/y.rs", "use super::x::f;"),
    ]);
    assert_eq!(modules.import_cycles().len(), 1);
}

#[test]
fn parents_and_their_exports_are_not_siblings() {
    let modules = parse(&[
        ("lib.rs", "mod a; pub struct Root;"),
        ("a/mod.rs", "mod x; mod y; pub use x::X; use self::y::Y; pub struct A;"),
        ("a/x.rs", "use super::y::Y; pub struct X;"),
        ("a/y.rs", "use super::X; use crate::a::A; use crate::Root; pub struct Y;"),
    ]);
    assert!(modules.import_cycles().is_empty());
}

#[test]
fn descendants_count_for_their_ancestors() {
    let modules = parse(&[
        ("lib.rs", "mod a; mod b;"),
        ("a/mod.rs", "mod x;"),
        ("a/x.rs", "use crate::b::y::Y;"),
        ("b.rs", "mod y { use crate::a::A; pub struct Y; }"),
    ]);
    assert!(modules.import_cycles()[0].starts_with(A_B[0]));
}

#[test]
fn cycles_are_found_below_the_root() {
    let modules = parse(&[
        ("lib.rs", "mod a;"),
        ("a/mod.rs", "mod x; mod y;"),
        ("a/x.rs", "use super::y::Y;"),
        ("a/y.rs", "use crate::a::x::X;"),
    ]);
    assert!(modules.import_cycles()[0].starts_with("in crate::a: x -> y -> x"));
}

#[test]
fn tests_are_ignored() {
    for test in [
        "#[cfg(test)] mod checks { use crate::b::B; struct B; }",
        "#[cfg(all(test, unix))] use crate::b::B;",
        "mod tests { use crate::b::B; struct B; }",
        "#[cfg(test)] fn f() { crate::b::f() }",
    ] {
        assert!(cycles(test, "use crate::a::A; struct B;", "").is_empty(), "{test}");
    }
    assert_eq!(cycles("#[cfg(not(test))] use crate::b::B;", "use crate::a::A;", ""), A_B);
}

#[test]
fn duplicate_type_names_are_found() {
    let declarations = |a: &str| {
        parse(&[("lib.rs", "mod a; mod b;"), ("a.rs", a), ("b.rs", "pub struct B;")]).duplicate_types()
    };
    for a in
        ["struct B;", "enum B {}", "union B { x: u8 }", "trait B {}", "type B = u8;", "mod c { struct B; }"]
    {
        assert_eq!(declarations(a), ["B: src/a.rs:1, src/b.rs:1"], "{a}");
    }
    for a in [
        "fn f() { struct B; }",
        "trait T { type B; }",
        "impl T for A { type B = u8; }",
        "use crate::b::B;",
        "#[cfg(unix)] struct A; #[cfg(windows)] struct A;",
    ] {
        assert!(declarations(a).is_empty(), "{a}");
    }
}
