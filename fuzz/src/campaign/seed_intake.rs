//! Intake of seeds: those that crash or hang the server are saved as findings, those that add no coverage are left out, and
//! those that are new to a resumed campaign are added to its queue.

use std::collections::HashSet;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::findings::directory_of;
use super::output_dir::OutputDir;
use crate::input::corpus::{self, Seed};
use crate::server::single_run::FindingKind;
use crate::util::fingerprint::fingerprint;
use crate::util::printable::counted;
use crate::util::{exit_code, problem::Problem};

/// Name of the directory of the seeds for afl-fuzz, if it does not get all of the given ones.
const CORPUS: &str = "corpus";

/// Directories that afl-fuzz resumes from. It renames the queue to `_resume` while it starts.
const QUEUES: [&str; 2] = ["queue", "_resume"];

/// File with state of afl-fuzz for a faster resumption. It is valid only for the inputs that were in the queue.
const FAST_RESUME_FILE: &str = "fastresume.bin";

/// Saves the seeds that are findings.
///
/// # Errors
/// When they cannot be written.
pub fn save_findings(out: &OutputDir, seeds: &[Seed], findings: &[(usize, FindingKind)]) -> Result<()> {
    for &(index, kind) in findings {
        let seed = &seeds[index];
        let directory = out.seeds().join(directory_of(kind));
        let name = seed.name.replace('/', "_");
        let occupied = fs::read(directory.join(&name)).is_ok_and(|bytes| bytes != seed.bytes);
        let name = if occupied { format!("{name}-{}", fingerprint(&seed.bytes)) } else { name };
        write(&directory.join(name), &seed.bytes)?;
    }
    Ok(())
}

/// Returns the seeds that are neither findings nor redundant. Both are given by their indices.
#[must_use]
pub fn without<'a>(
    seeds: &'a [Seed],
    findings: &[(usize, FindingKind)],
    redundant: &HashSet<usize>,
) -> Vec<&'a Seed> {
    let findings: HashSet<usize> = findings.iter().map(|(index, _)| *index).collect();
    let is_left = |index: &usize| !findings.contains(index) && !redundant.contains(index);
    seeds.iter().enumerate().filter(|(index, _)| is_left(index)).map(|(_, seed)| seed).collect()
}

/// Returns a line about the seeds that are findings, or `None` if there are none.
#[must_use]
pub fn findings_line(out: &OutputDir, findings: &[(usize, FindingKind)]) -> Option<String> {
    let count = |kind| findings.iter().filter(|(_, found)| *found == kind).count();
    (!findings.is_empty()).then(|| {
        format!(
            "seeds that crash the server: {}, that hang it: {}; they are findings, saved in {}, and fuzzing \
             continues without them",
            count(FindingKind::Crash),
            count(FindingKind::Hang),
            out.seeds().display()
        )
    })
}

/// Returns a line with the numbers of saved seeds that crash or hang the server, or `None` if there are none.
#[must_use]
pub fn saved_line(out: &OutputDir) -> Option<String> {
    let count =
        |kind| corpus::read(&out.seeds().join(directory_of(kind))).map_or(0, |saved| saved.len() as u64);
    let (crashes, hangs) = (count(FindingKind::Crash), count(FindingKind::Hang));
    (crashes + hangs > 0).then(|| {
        let crashes = counted(crashes, "crash", "crashes");
        format!("of seeds, before fuzzing: {crashes}, {}", counted(hangs, "hang", "hangs"))
    })
}

/// Returns the corpus for instances that start: the given one, or a copy of those of the seeds that afl-fuzz gets, if it does not get
/// all of them, or if they do not come from a directory. A campaign that is resumed keeps the copy with which it was started, and
/// adds the `new` ones.
///
/// # Errors
/// When all seeds are findings, or the copy cannot be written.
pub fn corpus(
    out: &OutputDir,
    given: Option<&Path>,
    all: &[Seed],
    others: &[&Seed],
    new: &[&Seed],
) -> Result<PathBuf> {
    let corpus = out.seeds().join(CORPUS);
    if out.is_resumed() && corpus.is_dir() {
        new.iter().try_for_each(|seed| write(&corpus.join(&seed.name), &seed.bytes))?;
        return Ok(corpus);
    }
    if let Some(given) = given.filter(|_| all.len() == others.len() || out.is_resumed()) {
        return Ok(std::path::absolute(given)?);
    }
    if others.is_empty() {
        return Err(Problem::new(
            exit_code::AFL_FAILED,
            "every seed crashes or hangs the server, so there is none to fuzz with",
            format!("look at them with: sockfuzz replay {}; give others with -i", out.path().display()),
        )
        .into());
    }
    if let Err(error) = fs::remove_dir_all(&corpus)
        && error.kind() != ErrorKind::NotFound
    {
        return Err(error).with_context(|| format!("cannot replace {}", corpus.display()));
    }
    others.iter().try_for_each(|seed| write(&corpus.join(&seed.name), &seed.bytes))?;
    Ok(corpus)
}

/// Adds seeds to the queue of an instance that is resumed, and returns their number. With `-i -`, afl-fuzz reads only its own
/// queue, but every file in it.
///
/// # Errors
/// When they cannot be written.
pub fn take_in_new(instance: &Path, new: &[&Seed]) -> Result<usize> {
    let queue = QUEUES.iter().map(|name| instance.join(name)).find(|path| next_id(path) > 0);
    let Some(queue) = queue.filter(|_| !new.is_empty()) else {
        return Ok(0);
    };
    for (id, seed) in (next_id(&queue)..).zip(new) {
        // The name that afl-fuzz itself would give to the seed.
        let name = format!("id:{id:06},time:0,execs:0,orig:{}", seed.name.replace('/', "_"));
        write(&queue.join(name), &seed.bytes)?;
    }
    match fs::remove_file(instance.join(FAST_RESUME_FILE)) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error.into()),
        _ => Ok(new.len()),
    }
}

/// Returns the number after the largest in the file names of a queue, or 0 if the queue is empty or missing.
fn next_id(queue: &Path) -> u64 {
    let id = |entry: fs::DirEntry| {
        let name = entry.file_name().into_string().ok()?;
        let digits = name.strip_prefix("id:")?.split(|c: char| !c.is_ascii_digit()).next()?;
        digits.parse::<u64>().ok()
    };
    let ids = fs::read_dir(queue).into_iter().flatten().flatten().filter_map(id);
    ids.max().map_or(0, |largest| largest + 1)
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    path.parent()
        .map_or(Ok(()), fs::create_dir_all)
        .and_then(|()| fs::write(path, bytes))
        .with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_continue_after_the_largest() {
        let directory = tempfile::tempdir().expect("tempdir");
        assert_eq!(next_id(&directory.path().join("queue")), 0);
        for name in ["id:000000,orig:a", "id:000041,src:000000,op:havoc", "README.txt"] {
            write(&directory.path().join(name), b"x").expect("written");
        }
        assert_eq!(next_id(directory.path()), 42);
    }
}
