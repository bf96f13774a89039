//! Files that a command writes where the user says. One that exists is somebody's.

use std::fs::File;
use std::io::ErrorKind;
use std::path::Path;

use crate::problem::Problem;

/// A new file; with `force`, one that exists is overwritten.
///
/// # Errors
/// A file that exists, unless `force` says otherwise, and one that cannot be written.
pub fn create(path: &Path, force: bool) -> Result<File, Problem> {
    let mut options = File::options();
    options.write(true);
    if force {
        options.create(true).truncate(true);
    } else {
        options.create_new(true);
    }
    options.open(path).map_err(|error| {
        let shown = path.display();
        match error.kind() {
            ErrorKind::AlreadyExists => Problem::failed(
                format!("{shown} exists"),
                "choose another name, or overwrite it with --force",
            ),
            _ => Problem::failed(format!("{shown} cannot be written: {error}"), "choose another name"),
        }
    })
}
