//! Directory of the hub: an output directory with the instances of all hosts. What is not an instance is in `.fleet`.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use rustix::fs::{FlockOperation, flock};

use crate::campaign::host_name::HostName;
use crate::campaign::output_dir::STATUS_FILE;
use crate::campaign::progress;
use crate::campaign::record::CampaignRecord;
use crate::server::status_file::StatusFile;
use crate::util::problem::Problem;

/// Directory of what is not an instance.
const FLEET: &str = ".fleet";
/// File with the absolute path of a host's directory, beside the records of its campaign.
const DIRECTORY_FILE: &str = "directory";

/// Directory of the hub, locked while it is used.
#[derive(Debug)]
pub struct HubDir {
    path: PathBuf,
    /// The locked file.
    _lock: File,
}

impl HubDir {
    /// Opens the directory, and creates it if it is missing.
    ///
    /// # Errors
    /// A directory of something else, and one that another sockfuzz uses.
    pub fn open(path: &Path) -> Result<Self> {
        let fleet = path.join(FLEET);
        let is_foreign =
            fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_some()) && !fleet.is_dir();
        if is_foreign {
            return Err(Problem::failed(
                format!("{} is neither empty nor a directory of sockfuzz sync", path.display()),
                "choose another `output` in the file of hosts; nothing was changed",
            )
            .into());
        }
        fs::create_dir_all(&fleet).with_context(|| format!("cannot create {}", fleet.display()))?;
        let lock = File::create(fleet.join("lock"))?;
        if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
            return Err(Problem::failed(
                format!("another sockfuzz sync uses {}", path.display()),
                "stop it first, for example a sockfuzz sync watch",
            )
            .into());
        }
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    /// Returns the directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the directory of the inputs to exchange.
    #[must_use]
    pub fn pool(&self) -> PathBuf {
        self.path.join(FLEET).join("pool")
    }

    /// Returns the directory of the records of a host.
    #[must_use]
    pub fn records(&self, host: &HostName) -> PathBuf {
        self.path.join(FLEET).join("hosts").join(host.as_str())
    }

    /// Returns the queue of a host's main instance.
    #[must_use]
    pub fn queue(&self, host: &HostName) -> PathBuf {
        self.path.join(host.main_instance()).join("queue")
    }

    /// Whether a campaign of this host was collected, which can be continued.
    #[must_use]
    pub fn can_restore(&self, host: &HostName) -> bool {
        self.queue(host).is_dir() && CampaignRecord::read(&self.records(host)).is_ok_and(|it| it.is_some())
    }

    /// Records where a host's directory is, as its record of the campaign has absolute paths.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn note_directory(&self, host: &HostName, directory: &str) -> Result<()> {
        let file = self.records(host).join(DIRECTORY_FILE);
        fs::write(&file, directory).with_context(|| format!("cannot write {}", file.display()))
    }

    /// Makes the records of the whole campaign from those of the hosts. Paths of the hosts' bundles become those of `bundle`,
    /// if it is there.
    ///
    /// # Errors
    /// When a record cannot be read or written.
    pub fn merge<'a>(&self, hosts: impl Iterator<Item = &'a HostName>, bundle: Option<&Path>) -> Result<()> {
        let mut merged: Option<CampaignRecord> = None;
        let mut all = Vec::new();
        let status = StatusFile::kept_at(&self.path.join(STATUS_FILE))?;
        for host in hosts {
            let records = self.records(host);
            let Some(mut record) = CampaignRecord::read(&records)? else { continue };
            let directory = fs::read_to_string(records.join(DIRECTORY_FILE)).ok();
            if let (Some(directory), Some(bundle)) = (directory, bundle) {
                record = record.relocated(&format!("{directory}/bundle"), &bundle.to_string_lossy());
            }
            let record = record.on_host(None);
            merged = Some(match merged {
                Some(earlier) => record.resuming(&earlier),
                None => record,
            });
            if let Ok(page) = StatusFile::copy_of(&records.join(STATUS_FILE)) {
                status.add_counters_of(&page);
            }
            all.push(records);
        }
        progress::write_merged(&self.path, &all)?;
        merged.map_or(Ok(()), |record| record.write(&self.path))
    }
}
