//! Intake of seeds: those that crash or hang the server are saved as findings, and those that are new to a
//! resumed campaign are added to its queue.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::findings::directory_of;
use super::output_dir::OutputDir;
use super::record::CampaignRecord;
use crate::input::corpus::{self, Seed};
use crate::server::single_run::FindingKind;
use crate::util::fingerprint::fingerprint;
use crate::util::printable::counted;
use crate::util::{exit_code, problem::Problem};

/// Name of the directory of the remaining seeds, if some of the given ones are findings.
const CORPUS: &str = "corpus";

/// Directories that afl-fuzz resumes from. It renames the queue to `_resume` while it starts.
const QUEUES: [&str; 2] = ["queue", "_resume"];

/// File with state of afl-fuzz for a faster resumption. It is valid only for the inputs that were in the queue.
const FAST_RESUME_FILE: &str = "fastresume.bin";

/// Saves the seeds that are findings, and returns the others.
///
/// # Errors
/// When they cannot be written.
pub fn save_findings<'a>(
    out: &OutputDir,
    seeds: &'a [Seed],
    findings: &[(usize, FindingKind)],
) -> Result<Vec<&'a Seed>> {
    for &(index, kind) in findings {
        let seed = &seeds[index];
        let directory = out.seeds().join(directory_of(kind));
        let name = seed.name.replace('/', "_");
        let occupied = fs::read(directory.join(&name)).is_ok_and(|bytes| bytes != seed.bytes);
        let name = if occupied { format!("{name}-{}", fingerprint(&seed.bytes)) } else { name };
        write(&directory.join(name), &seed.bytes)?;
    }
    let is_finding = |index| findings.iter().any(|(finding, _)| *finding == index);
    Ok(seeds.iter().enumerate().filter(|(index, _)| !is_finding(*index)).map(|(_, seed)| seed).collect())
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

/// Returns the corpus for a campaign that starts: the given one, or a copy of the other seeds if some are findings, or
/// come from elsewhere, so that no directory is given.
///
/// # Errors
/// When all of them are findings, or the copy cannot be written.
pub fn corpus_without_findings(
    out: &OutputDir,
    given: Option<&Path>,
    all: &[Seed],
    others: &[&Seed],
) -> Result<PathBuf> {
    let corpus = out.seeds().join(CORPUS);
    match given {
        Some(given) if all.len() == others.len() || out.is_resumed() => {
            return Ok(std::path::absolute(given)?);
        }
        None if out.is_resumed() => return Ok(corpus),
        _ => {}
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

/// Adds seeds that are new to a campaign to the queue of an instance that is resumed, and returns their number.
/// With `-i -`, afl-fuzz reads only its own queue, but every file in it.
///
/// # Errors
/// When they cannot be written.
pub fn take_in_new(
    instance: &Path,
    earlier: &CampaignRecord,
    seeds: &[Seed],
    others: &[&Seed],
) -> Result<usize> {
    let new: Vec<_> = earlier.new_seeds(seeds).into_iter().filter(|seed| others.contains(seed)).collect();
    let queue = QUEUES.iter().map(|name| instance.join(name)).find(|path| next_id(path) > 0);
    let Some(queue) = queue.filter(|_| !new.is_empty()) else {
        return Ok(0);
    };
    for (id, seed) in (next_id(&queue)..).zip(&new) {
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
