//! Files inside the executable (see `build.rs`), unpacked into the user's cache directory by the hash of their content.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use flate2::read::GzDecoder;
use tar::Archive;

use crate::util::problem::Problem;
use crate::util::user_files;

/// The archive; empty in a build that finds its files in the source tree.
#[cfg(feature = "bundle")]
static ARCHIVE: (&[u8], &str) =
    (include_bytes!(concat!(env!("OUT_DIR"), "/bundle.tar.gz")), env!("SOCKFUZZ_BUNDLE_HASH"));
#[cfg(not(feature = "bundle"))]
static ARCHIVE: (&[u8], &str) = (&[], "");

/// Returns the directory with the unpacked files; none in a build without them.
///
/// # Errors
/// When the directory cannot be written.
pub fn directory() -> Result<Option<&'static Path>, Problem> {
    static UNPACKED: OnceLock<Result<PathBuf, Problem>> = OnceLock::new();
    let (archive, hash) = ARCHIVE;
    if archive.is_empty() {
        return Ok(None);
    }
    let unpacked = UNPACKED.get_or_init(|| {
        let directory = user_files::cache(hash)?;
        unpack(archive, &directory).map_err(|error| cannot_write(&directory, &error))?;
        Ok(directory)
    });
    unpacked.as_deref().map(Some).map_err(Clone::clone)
}

/// Unpacks the archive beside the directory, then gives it that name. So it is complete as soon as it exists, and two
/// processes that start at once do not disturb each other.
fn unpack(archive: &[u8], directory: &Path) -> io::Result<()> {
    if directory.exists() {
        return Ok(());
    }
    let parent = directory.parent().ok_or(io::ErrorKind::InvalidInput)?;
    fs::create_dir_all(parent)?;
    let partial = tempfile::Builder::new().prefix(".partial-").tempdir_in(parent)?;
    Archive::new(GzDecoder::new(archive)).unpack(partial.path())?;
    match fs::rename(partial.path(), directory) {
        Ok(()) => {
            // It has another name now, and stays.
            let _ = partial.keep();
            Ok(())
        }
        // Another process was first.
        Err(_) if directory.exists() => Ok(()),
        Err(error) => Err(error),
    }
}

fn cannot_write(directory: &Path, error: &io::Error) -> Problem {
    let remedy = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "make room there (10 MB), or set XDG_CACHE_HOME to a directory on another disk"
        }
        _ => "set XDG_CACHE_HOME to a directory that you may write to",
    };
    Problem::failed(format!("cannot unpack sockfuzz's files into {}: {error}", directory.display()), remedy)
}

#[cfg(test)]
mod tests {
    use std::thread;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn archive() -> Vec<u8> {
        let mut builder = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
        let mut header = tar::Header::new_gnu();
        header.set_size(5);
        header.set_mode(0o644);
        builder.append_data(&mut header, "corpus/seed", &b"GET /"[..]).expect("in memory");
        builder.into_inner().and_then(GzEncoder::finish).expect("in memory")
    }

    #[test]
    fn processes_that_start_at_once_share_one_directory() {
        let parent = tempfile::tempdir().expect("a directory");
        let directory = parent.path().join("cache/abc");
        let archive = archive();
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| unpack(&archive, &directory).expect("unpacked"));
            }
        });
        assert_eq!(fs::read(directory.join("corpus/seed")).expect("unpacked"), b"GET /");
        let names: Vec<_> = fs::read_dir(parent.path().join("cache")).expect("made").collect();
        assert_eq!(names.len(), 1, "no partial directory is left: {names:?}");
    }

    #[test]
    fn a_directory_that_cannot_be_written_is_named() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let directory = file.path().join("sockfuzz/abc");
        let error = unpack(&archive(), &directory).expect_err("below a file");
        let problem = cannot_write(&directory, &error).to_string();
        assert!(problem.contains("sockfuzz/abc") && problem.contains("XDG_CACHE_HOME"), "{problem}");
    }
}
