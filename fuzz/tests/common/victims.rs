//! Victims of the hostile server (`tests/servers/hostile.c`), and the requests that make it attack them.

use std::fs;
use std::io::ErrorKind;
use std::net::TcpListener;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use super::TestDir;

/// Letters of the actions in `hostile.c` that must fail, and of those that must succeed.
pub const ATTACKS: &str = "abcdefghijkmnopqrstuvwxyz12";
pub const ALLOWED: &str = "lABCDE";

/// [`ATTACKS`] that succeed below a directory for temporary files, but only in the server's private view of it.
pub const PRIVATE: &str = "abefkcd";

/// Segment of System V shared memory that the test owns.
pub struct Segment(i32);

impl Segment {
    fn new() -> Self {
        // SAFETY: shmget(2) takes only integers and maps nothing.
        let number = unsafe { libc::shmget(libc::IPC_PRIVATE, 4096, 0o666) };
        assert!(number >= 0, "shmget");
        Self(number)
    }

    /// Returns the time of the last attachment, 0 if there was none; `None` if the segment was removed.
    pub fn attached(&self) -> Option<i64> {
        let mut found = std::mem::MaybeUninit::<libc::shmid_ds>::uninit();
        // SAFETY: the pointer is valid for writes of a `shmid_ds`, which shmctl(2) has filled in if it returns 0.
        let found = unsafe {
            (libc::shmctl(self.0, libc::IPC_STAT, found.as_mut_ptr()) == 0).then(|| found.assume_init())
        };
        found.map(|found| found.shm_atime)
    }
}

impl Drop for Segment {
    fn drop(&mut self) {
        // SAFETY: shmctl(2) ignores the pointer with IPC_RMID, and this process has not mapped the segment.
        unsafe { libc::shmctl(self.0, libc::IPC_RMID, std::ptr::null_mut()) };
    }
}

/// Victims that the test owns: files, listeners, a process and shared memory.
pub struct Victims {
    /// Directory with one file.
    pub files: PathBuf,
    /// Listener on a real port.
    pub listener: TcpListener,
    /// Listener at a path.
    _local: UnixListener,
    /// Sleeping process.
    pub process: Child,
    /// Shared memory.
    pub segment: Segment,
}

impl Victims {
    /// Creates the victims.
    pub fn new(dir: &TestDir) -> Self {
        dir.write("victim/file", b"precious");
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
        listener.set_nonblocking(true).expect("fcntl");
        let process = Command::new("sleep").arg("1000").spawn().expect("sleep starts");
        let local = UnixListener::bind(dir.path("socket")).expect("a path that is free and short");
        Self { files: dir.path("victim"), listener, _local: local, process, segment: Segment::new() }
    }

    /// Returns the command line of the server whose program is at `server`.
    pub fn attacked_by(&self, server: &Path) -> Vec<String> {
        let port = self.listener.local_addr().expect("bound").port().to_string();
        let [server, files] = [server, &self.files].map(|path| path.display().to_string());
        vec![server, files, port, self.process.id().to_string(), self.segment.0.to_string()]
    }

    /// Asserts that no attack has had an effect.
    pub fn are_unharmed(&mut self) {
        let names: Vec<_> =
            fs::read_dir(&self.files).expect("there").flatten().map(|e| e.file_name()).collect();
        assert_eq!(names, ["file"]);
        assert_eq!(fs::read(self.files.join("file")).expect("there"), b"precious");
        assert_ne!(fs::metadata(self.files.join("file")).expect("there").mode() & 0o400, 0);
        assert_eq!(self.listener.accept().expect_err("nobody came").kind(), ErrorKind::WouldBlock);
        assert_eq!(self.process.try_wait().expect("waitpid"), None, "still alive");
        let pid = self.process.id();
        let limits = fs::read_to_string(format!("/proc/{pid}/limits")).expect("alive");
        let file_size = limits.lines().find(|line| line.starts_with("Max file size")).expect("there");
        assert!(!file_size.contains(" 0 "), "{file_size}");
        assert_eq!(self.segment.attached(), Some(0), "nobody has attached or removed it");
    }
}

impl Drop for Victims {
    fn drop(&mut self) {
        let _ = self.process.kill().and_then(|()| self.process.wait());
    }
}

/// Returns the server's answer to one letter.
pub fn answer(dir: &TestDir, options: &[&str], server: &[String], letter: char) -> String {
    let mut command = dir.sockfuzz();
    command.arg("run").args(options).arg("--").args(server).write_stdin(letter.to_string());
    String::from_utf8_lossy(&command.assert().code(0).get_output().stdout).into_owned()
}
