//! The bundle of which this executable is a part, if `sockfuzz bundle` has put it into one.

use std::env;
use std::sync::OnceLock;

use sockfuzz_launcher::description::Bundle;

/// Directory inside of a bundle with its seeds.
pub const CORPUS: &str = "corpus";

/// Returns the bundle.
pub fn current() -> Option<&'static Bundle> {
    static CURRENT: OnceLock<Option<Bundle>> = OnceLock::new();
    CURRENT.get_or_init(|| Bundle::of_program(&env::current_exe().ok()?)).as_ref()
}
