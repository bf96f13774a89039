//! Output files at paths that the user gives. An existing file is never overwritten without `--force`.

use std::fs::File;
use std::io::ErrorKind;
use std::path::Path;

use crate::util::problem::Problem;

/// Creates a file. With `force`, an existing file is overwritten.
///
/// # Errors
/// When the file exists and `force` is not set, or when it cannot be written.
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
