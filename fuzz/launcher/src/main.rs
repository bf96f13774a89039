//! Becomes the program of the bundle that its own name means: see the library of this package.

use std::env;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::ExitCode;

use sockfuzz_launcher::c_library;
use sockfuzz_launcher::description::Bundle;
use sockfuzz_launcher::launch::{self, Role};
use sockfuzz_launcher::standard_input;
use sockfuzz_protocol::TARGET_VARIABLE;

fn main() -> ExitCode {
    match launch() {
        Ok(never) => match never {},
        Err(error) => {
            eprintln!("sockfuzz: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Becomes another program, and returns only if it cannot.
fn launch() -> Result<std::convert::Infallible, String> {
    let program = match env::var_os(TARGET_VARIABLE) {
        Some(target) => PathBuf::from(target),
        None => env::current_exe().map_err(|error| format!("cannot find this program: {error}"))?,
    };
    let bundle = Bundle::of_launcher(&program).map_err(|error| {
        format!("{error}\n  remedy: keep the files of a bundle together, as sockfuzz bundle wrote them")
    })?;
    check_c_library(&bundle.description.glibc)?;
    let name = program.file_name().unwrap_or_default().to_string_lossy();
    let environment = |name: &str| env::var_os(name);
    if Role::of(&name, &environment) == Role::Server && !standard_input::is_forkserver() {
        standard_input::take_in().map_err(|error| format!("cannot read the input: {error}"))?;
    }
    let mut command = launch::command(&bundle, &name, env::args_os().skip(1), &environment);
    let error = command.exec();
    Err(format!("cannot start {}: {error}", command.get_program().display()))
}

/// Checks that this machine's C library has all that the files of the bundle need.
fn check_c_library(required: &str) -> Result<(), String> {
    let found = c_library::locate().and_then(|library| c_library::version(&library));
    match found {
        Some(version) if c_library::is_at_least(&version, required) => Ok(()),
        found => {
            let found = found.unwrap_or_else(|| "none that could be found".to_owned());
            Err(format!(
                "this bundle needs the GNU C library {required} or newer, and that of this machine has the functions of {found}\n  \
                 remedy: make the bundle on the oldest system that has to run it"
            ))
        }
    }
}
