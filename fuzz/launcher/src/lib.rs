//! Launcher of a bundle. One small program, linked statically, stands in the bundle under several names: as fuzz target
//! `NAME_fuzzer`, as `sockfuzz`, and as each tool of AFL++. It reads the bundle's description, sets the environment, and
//! becomes the program that its name means.
//!
//! # Example
//!
//! ```no_run
//! use std::path::Path;
//!
//! use sockfuzz_launcher::description::Bundle;
//!
//! let bundle = Bundle::of_launcher(Path::new("/srv/nginx-bundle/nginx_fuzzer")).expect("a bundle");
//! println!("{}", bundle.server_program().display());
//! ```

pub mod afl_line;
pub mod c_library;
pub mod description;
pub mod launch;
pub mod sanitizers;
pub mod standard_input;
