//! Inputs that hosts exchange: a directory on the hub that looks like an instance of afl-fuzz, with the inputs that the main
//! instances of all hosts found, without duplicates and without inputs that a host has from here. It only grows, and its
//! numbers have no gap: afl-fuzz continues at the number where it stopped, and a host is sent what follows the last
//! that it has.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::campaign::host_name::HostName;
use crate::campaign::output_dir::FLEET_DIRECTORY;
use crate::util::fingerprint::fingerprint;

/// Largest input: afl-fuzz ignores those above 1 MiB.
const MAX_INPUT_BYTES: u64 = 1 << 20;

/// The inputs.
#[derive(Debug)]
pub struct ExchangePool {
    root: PathBuf,
    /// Names of the files, in the order of their numbers.
    names: Vec<String>,
    /// Fingerprints of their contents.
    contents: HashSet<String>,
    /// Files of hosts that have been looked at.
    seen: HashSet<PathBuf>,
}

impl ExchangePool {
    /// Opens the pool in a directory of its own, and creates it if it is missing.
    ///
    /// # Errors
    /// When it cannot be read or written.
    pub fn open(root: &Path) -> Result<Self> {
        let queue = root.join(FLEET_DIRECTORY).join("queue");
        fs::create_dir_all(&queue).with_context(|| format!("cannot create {}", queue.display()))?;
        let names = names_in(&queue);
        let contents =
            names.iter().filter_map(|name| Some(name.rsplit_once(",sum:")?.1.to_owned())).collect();
        Ok(Self { root: root.to_owned(), names, contents, seen: HashSet::new() })
    }

    /// Adds what a host's main instance has found, and returns the number of new inputs.
    ///
    /// # Errors
    /// When a file cannot be read or written.
    pub fn add(&mut self, host: &HostName, queue: &Path) -> Result<usize> {
        let before = self.names.len();
        // afl-fuzz names an input after the directory that it took it from.
        let is_from_here = |name: &str| name.contains(&format!(",sync:{FLEET_DIRECTORY},"));
        for name in names_in(queue).iter().filter(|name| !is_from_here(name)) {
            let file = queue.join(name);
            if self.seen.contains(&file) {
                continue;
            }
            let size = fs::metadata(&file).with_context(|| format!("cannot read {}", file.display()))?.len();
            if (1..=MAX_INPUT_BYTES).contains(&size) {
                self.add_file(host, name, &file)?;
            }
            self.seen.insert(file);
        }
        Ok(self.names.len() - before)
    }

    fn add_file(&mut self, host: &HostName, name: &str, file: &Path) -> Result<()> {
        let content = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
        let sum = fingerprint(&content);
        if self.contents.contains(&sum) {
            return Ok(());
        }
        let original = name.get(3..9).unwrap_or_default();
        // The instance that found it does not run it again: afl-fuzz knows its own inputs by `sync:` and its name.
        let new =
            format!("id:{:06},sync:{},src:{original},sum:{sum}", self.names.len(), host.main_instance());
        let queue = self.queue();
        // Complete files only are named so, whenever this process ends.
        let partial = queue.join(".partial");
        fs::write(&partial, content)
            .and_then(|()| fs::rename(&partial, queue.join(&new)))
            .with_context(|| format!("cannot write into {}", queue.display()))?;
        self.names.push(new);
        self.contents.insert(sum);
        Ok(())
    }

    /// Returns the directory that holds the pool's own.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Returns the number of inputs.
    #[must_use]
    pub fn count(&self) -> usize {
        self.names.len()
    }

    /// Returns at most `limit` files from this number on, relative to [`Self::root`].
    #[must_use]
    pub fn files_from(&self, number: usize, limit: usize) -> Vec<String> {
        let names = self.names.iter().skip(number).take(limit);
        names.map(|name| format!("{FLEET_DIRECTORY}/queue/{name}")).collect()
    }

    fn queue(&self) -> PathBuf {
        self.root.join(FLEET_DIRECTORY).join("queue")
    }
}

/// Returns the names of the inputs in a queue, sorted.
fn names_in(queue: &Path) -> Vec<String> {
    let entries = fs::read_dir(queue).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<_> = names.filter(|name| name.starts_with("id:")).collect();
    names.sort();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(queue: &Path, name: &str, content: &str) {
        fs::create_dir_all(queue).expect("mkdir");
        fs::write(queue.join(name), content).expect("write");
    }

    #[test]
    fn inputs_are_numbered_without_gaps_and_duplicates() {
        let directory = tempfile::tempdir().expect("tempdir");
        let (a, b) = (directory.path().join("a"), directory.path().join("b"));
        let [host_a, host_b]: [HostName; 2] = ["a", "b"].map(|name| name.parse().expect("valid"));
        write(&a, "id:000000,time:0,execs:0,orig:seed", "seed");
        write(&a, "id:000001,sync:a-s1,src:000007", "found by a");
        write(&b, "id:000000,time:0,execs:0,orig:seed", "seed");
        write(&b, "id:000001,sync:fleet,src:000001", "found by a");
        write(&b, "id:000002,sync:fleet,src:000001,trimmed", "found by a, changed");
        write(&b, "id:000003,src:000000", "found by b");
        write(&b, ".id:000004.xyz", "incomplete");
        write(&b, "id:000005,src:000000", "");
        let root = directory.path().join("pool");
        let mut pool = ExchangePool::open(&root).expect("created");
        assert_eq!(pool.add(&host_a, &a).expect("readable"), 2);
        assert_eq!(pool.add(&host_b, &b).expect("readable"), 1);
        assert_eq!(pool.add(&host_b, &b).expect("readable"), 0, "seen");
        let files = pool.files_from(1, 9);
        assert_eq!(files.len(), 2);
        assert!(files[0].starts_with("fleet/queue/id:000001,sync:a-main,src:000001,sum:"), "{files:?}");
        assert!(files[1].starts_with("fleet/queue/id:000002,sync:b-main,src:000003,sum:"), "{files:?}");
        let mut again = ExchangePool::open(&root).expect("there");
        assert_eq!((again.count(), again.add(&host_a, &a).expect("readable")), (3, 0));
        assert_eq!(pool.files_from(0, 1).len(), 1);
    }
}
