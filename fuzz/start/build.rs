//! Passes the directory of this package to the build script of sockfuzz, which packs its sources (Cargo reference, "The
//! links manifest key").

fn main() {
    let directory = std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets it");
    println!("cargo::metadata=directory={directory}");
    println!("cargo::rerun-if-changed=build.rs");
}
