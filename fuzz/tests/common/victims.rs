//! What a hostile server attacks, and how it is asked to (`tests/servers/hostile.c`).

use std::fs;
use std::io::ErrorKind;
use std::net::TcpListener;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use super::TestDir;

/// The letters of `hostile.c` that must fail, and those that must not.
pub const ATTACKS: &str = "abcdefghijkmnopqrstuvwxyz12";
pub const ALLOWED: &str = "lABCDE";

/// Those of the first that a server may do to its own view of files below a directory for temporary files.
pub const PRIVATE: &str = "abefkcd";

/// Shared memory of the test's.
pub struct Segment(i32);

impl Segment {
    fn new() -> Self {
        // SAFETY: it takes numbers only.
        let number = unsafe { libc::shmget(libc::IPC_PRIVATE, 4096, 0o666) };
        assert!(number >= 0, "shmget");
        Self(number)
    }

    /// Attachments of other processes, ever; none when it is gone.
    pub fn attached(&self) -> Option<i64> {
        let mut found = std::mem::MaybeUninit::<libc::shmid_ds>::uninit();
        // SAFETY: the kernel fills in what it is given the address of.
        let found = unsafe {
            (libc::shmctl(self.0, libc::IPC_STAT, found.as_mut_ptr()) == 0).then(|| found.assume_init())
        };
        found.map(|found| found.shm_atime)
    }
}

impl Drop for Segment {
    fn drop(&mut self) {
        // SAFETY: the segment is the test's own.
        unsafe { libc::shmctl(self.0, libc::IPC_RMID, std::ptr::null_mut()) };
    }
}

/// What the server attacks: files, a listener, a process and shared memory of the test's.
pub struct Victims {
    /// Directory with one file.
    pub files: PathBuf,
    /// On a real port.
    pub listener: TcpListener,
    /// At a path.
    _local: UnixListener,
    /// One that sleeps.
    pub process: Child,
    /// Of System V.
    pub segment: Segment,
}

impl Victims {
    /// Unharmed ones.
    pub fn new(dir: &TestDir) -> Self {
        dir.write("victim/file", b"precious");
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
        listener.set_nonblocking(true).expect("fcntl");
        let process = Command::new("sleep").arg("1000").spawn().expect("sleep starts");
        let local = UnixListener::bind(dir.path("socket")).expect("a path that is free and short");
        Self { files: dir.path("victim"), listener, _local: local, process, segment: Segment::new() }
    }

    /// The server's command line, for a program at `server`.
    pub fn attacked_by(&self, server: &Path) -> Vec<String> {
        let port = self.listener.local_addr().expect("bound").port().to_string();
        let [server, files] = [server, &self.files].map(|path| path.display().to_string());
        vec![server, files, port, self.process.id().to_string(), self.segment.0.to_string()]
    }

    /// Asserts that nothing has come of the attacks.
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

/// What the server says to one letter.
pub fn answer(dir: &TestDir, options: &[&str], server: &[String], letter: char) -> String {
    let mut command = dir.sockfuzz();
    command.arg("run").args(options).arg("--").args(server).write_stdin(letter.to_string());
    String::from_utf8_lossy(&command.assert().code(0).get_output().stdout).into_owned()
}
