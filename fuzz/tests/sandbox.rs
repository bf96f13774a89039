//! A server that attacks the machine it runs on: with the sandbox nothing comes of it, and where
//! the kernel lacks something, the user is told.

mod common;

use std::fs::{self, Permissions};
use std::io::ErrorKind;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use common::{TestDir, runtime, stat};
use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;
use rustix::process::geteuid;
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, apply_filter};
use sockfuzz::campaign::cargo_afl::CargoAfl;

/// The letters of `hostile.c` that must fail, and those that must not.
const ATTACKS: &str = "abcdefghijkmnopqrstuvwxy";
const ALLOWED: &str = "lABCDE";

/// Those of the first that a server may do to its own view of files below a directory for temporary files.
const PRIVATE: &str = "abefkcd";

/// An ordinary user (Debian's nobody).
const NOBODY: u32 = 65534;

/// Shared memory of the test's.
struct Segment(i32);

impl Segment {
    fn new() -> Self {
        // SAFETY: it takes numbers only.
        let number = unsafe { libc::shmget(libc::IPC_PRIVATE, 4096, 0o666) };
        assert!(number >= 0, "shmget");
        Self(number)
    }

    /// Attachments of other processes, ever; none when it is gone.
    fn attached(&self) -> Option<i64> {
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
struct Victims {
    files: PathBuf,
    listener: TcpListener,
    process: Child,
    segment: Segment,
}

impl Victims {
    fn new(dir: &TestDir) -> Self {
        dir.write("victim/file", b"precious");
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
        listener.set_nonblocking(true).expect("fcntl");
        let process = Command::new("sleep").arg("1000").spawn().expect("sleep starts");
        Self { files: dir.path("victim"), listener, process, segment: Segment::new() }
    }

    /// The server's command line, for a program at `server`.
    fn attacked_by(&self, server: &Path) -> Vec<String> {
        let port = self.listener.local_addr().expect("bound").port().to_string();
        let [server, files] = [server, &self.files].map(|path| path.display().to_string());
        vec![server, files, port, self.process.id().to_string(), self.segment.0.to_string()]
    }

    fn are_unharmed(&mut self) {
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
fn answer(dir: &TestDir, options: &[&str], server: &[String], letter: char) -> String {
    let mut command = dir.sockfuzz();
    command.arg("run").args(options).arg("--").args(server).write_stdin(letter.to_string());
    String::from_utf8_lossy(&command.assert().code(0).get_output().stdout).into_owned()
}

#[test]
fn every_attack_fails_in_the_sandbox() {
    let dir = TestDir::not_temporary();
    let mut victims = Victims::new(&dir);
    let server = victims.attacked_by(&dir.server("hostile"));
    for transport in ["unix", "tcp"] {
        let options = ["--sandbox", "require", "--transport", transport];
        for letter in ATTACKS.chars() {
            let answer = answer(&dir, &options, &server, letter);
            assert!(answer.contains(&format!("{letter}: ")) && !answer.contains("done"), "{answer}");
        }
        for letter in ALLOWED.chars() {
            assert!(answer(&dir, &options, &server, letter).contains("done"), "{transport} {letter}");
        }
    }
    victims.are_unharmed();
}

/// Without it the same attacks succeed: it is the sandbox that stops them.
#[test]
fn every_attack_succeeds_without_the_sandbox() {
    let dir = TestDir::not_temporary();
    let mut victims = Victims::new(&dir);
    let server = victims.attacked_by(&dir.server("hostile"));
    for letter in "abehmnopqrstuvi".chars() {
        assert!(answer(&dir, &[], &server, letter).contains("done"), "{letter}");
    }
    assert!(victims.files.join("new").exists());
    victims.listener.accept().expect("somebody came");
    assert!(!victims.process.wait().expect("waitpid").success());
    assert_eq!(victims.segment.attached(), None, "removed");
}

/// Programs write to /tmp without asking, and it may be where the user keeps files.
#[test]
fn temporary_directories_are_private() {
    for directory in ["/tmp", "/var/tmp", "/dev/shm"] {
        let Ok(directory) = tempfile::tempdir_in(directory) else { continue };
        let dir = TestDir::new_in(directory);
        let mut victims = Victims::new(&dir);
        let server = victims.attacked_by(&dir.server("hostile"));
        for letter in PRIVATE.chars() {
            let answer = answer(&dir, &["--sandbox", "require"], &server, letter);
            // Renamed to /tmp, which is another file system.
            assert!(answer.contains("done") || answer.contains("d: Invalid cross-device link"), "{answer}");
        }
        victims.are_unharmed();
        let options = ["--sandbox", "require", "--writable", "victim"];
        assert!(answer(&dir, &options, &server, 'a').contains("done"));
        assert!(victims.files.join("new").exists());
    }
}

#[test]
fn writable_directories_are_writable() {
    let dir = TestDir::not_temporary();
    let victims = Victims::new(&dir);
    let server = victims.attacked_by(&dir.server("hostile"));
    let options = ["--sandbox", "require", "--writable", "victim"];
    assert!(answer(&dir, &options, &server, 'a').contains("done"));
    assert!(victims.files.join("new").exists());
}

#[test]
fn network_host_allows_the_network() {
    let dir = TestDir::not_temporary();
    let victims = Victims::new(&dir);
    let server = victims.attacked_by(&dir.server("hostile"));
    let options = ["--sandbox", "require", "--network", "host"];
    assert!(answer(&dir, &options, &server, 'h').contains("done"));
    victims.listener.accept().expect("somebody came");
}

/// afl-fuzz goes on, and its output directory is out of the server's reach.
#[test]
fn a_hostile_server_does_not_harm_its_campaign() {
    let dir = TestDir::not_temporary();
    let runtime = runtime(&CargoAfl::find_or_install().expect("cargo-afl"));
    let program = dir.server_with("hostile", &["-DIN_THE_LOOP", runtime.to_str().expect("plain")]);
    let mut victims = Victims::new(&dir);
    let server = victims.attacked_by(&program);
    for letter in ATTACKS.chars().chain(ALLOWED.chars()) {
        dir.write(&format!("attacks/{letter}"), letter.to_string().as_bytes());
    }
    let out = dir.path("out");
    dir.sockfuzz()
        .args(["fuzz", "--sandbox", "require", "-t", "2000", "-i", "attacks", "-o", "out"])
        .args(["--afl", "-c - -E 300", "--"])
        .args(server)
        .assert()
        .code(0);
    victims.are_unharmed();
    assert!(stat(&out, "default", "execs_done") >= 300.0);
    assert_eq!(stat(&out, "default", "saved_crashes"), 0.0);
    assert!(stat(&out, "default", "corpus_count") >= (ATTACKS.len() + ALLOWED.len()) as f64);
}

#[test]
fn an_output_directory_that_the_server_could_write_to_is_refused() {
    let dir = TestDir::not_temporary();
    let runtime = runtime(&CargoAfl::find_or_install().expect("cargo-afl"));
    let program = dir.server_with("hostile", &["-DIN_THE_LOOP", runtime.to_str().expect("plain")]);
    let victims = Victims::new(&dir);
    dir.sockfuzz()
        .args(["fuzz", "--writable", ".", "-o", "out", "--"])
        .args(victims.attacked_by(&program))
        .assert()
        .code(1)
        .stderr(contains("which the server may write to").and(contains("remedy: ")));
    assert!(!dir.path("out").exists());
}

#[test]
fn a_writable_directory_must_exist() {
    let dir = TestDir::not_temporary();
    dir.sockfuzz()
        .args(["check", "--writable", "nowhere", "--"])
        .arg(dir.server("blocking"))
        .assert()
        .code(1)
        .stderr(contains("nowhere does not exist").and(contains("mkdir")));
}

/// A server that only the sandbox keeps from starting: the remedy is the directory that it writes.
#[test]
fn a_server_that_fails_in_the_sandbox_gets_a_remedy() {
    let dir = TestDir::not_temporary();
    let program = dir.server("writes_pid_file");
    fs::create_dir(dir.path("run")).expect("mkdir");
    let check = |options: &[&str]| {
        let mut command = dir.sockfuzz();
        command.args(["check", "-i"]).arg(dir.corpus()).args(options).arg("--").arg(&program);
        command.arg(dir.path("run/pid")).assert()
    };
    check(&[]).code(13).stderr(contains("without the sandbox").and(contains("--writable DIR")));
    check(&["--writable", "run"]).code(0);
    check(&["--sandbox", "off"]).code(0);
}

/// The same for an ordinary user. (Who runs the tests as one has seen it in the others.)
#[test]
fn an_ordinary_user_is_protected() {
    if !geteuid().is_root() {
        return;
    }
    let dir = TestDir::new();
    let mut victims = Victims::new(&dir);
    let server = victims.attacked_by(&dir.server("hostile"));
    for (name, file) in [
        ("sockfuzz", Path::new(env!("CARGO_BIN_EXE_sockfuzz"))),
        ("libsockfuzz_preload.so", &sockfuzz::util::preload::locate(None).expect("the preload")),
    ] {
        fs::copy(file, dir.path(name)).expect("copy");
    }
    for path in ["", "victim", "victim/file"] {
        chown(dir.path(path), Some(NOBODY), Some(NOBODY)).expect("chown");
    }
    fs::set_permissions(dir.path(""), Permissions::from_mode(0o755)).expect("chmod");
    for letter in ATTACKS.chars().chain(ALLOWED.chars()) {
        let mut command = Command::new(dir.path("sockfuzz"));
        command.uid(NOBODY).gid(NOBODY).current_dir("/").args(["run", "--sandbox", "require", "--"]);
        let mut command = assert_cmd::Command::from_std(command);
        let output = command.args(&server).write_stdin(letter.to_string()).assert().code(0);
        let answer = String::from_utf8_lossy(&output.get_output().stdout).into_owned();
        let is_allowed = ALLOWED.contains(letter) || PRIVATE.contains(letter);
        assert_eq!(answer.contains("done"), is_allowed, "{answer}");
    }
    victims.are_unharmed();
}

/// The sockfuzz command on a kernel that refuses these system calls.
fn sockfuzz_without(dir: &TestDir, calls: &[i64]) -> assert_cmd::Command {
    let rules = calls.iter().map(|&call| (call, Vec::new())).collect();
    let refuse = SeccompAction::Errno(rustix::io::Errno::PERM.raw_os_error().unsigned_abs());
    let machine = std::env::consts::ARCH.try_into().expect("a machine with seccomp");
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, refuse, machine).expect("a valid filter");
    let program: BpfProgram = filter.try_into().expect("a valid filter");
    let mut command = Command::new(env!("CARGO_BIN_EXE_sockfuzz"));
    command.current_dir(dir.path(""));
    // SAFETY: the closure makes two system calls and allocates nothing.
    unsafe {
        command.pre_exec(move || apply_filter(&program).map_err(|_| std::io::Error::last_os_error()));
    }
    assert_cmd::Command::from_std(command)
}

const NAMESPACES: i64 = syscalls::Sysno::unshare as i64;
const SECCOMP: i64 = syscalls::Sysno::seccomp as i64;
const LANDLOCK: i64 = syscalls::Sysno::landlock_create_ruleset as i64;

#[test]
fn missing_kernel_features_are_reported() {
    let dir = TestDir::not_temporary();
    let server = dir.server("blocking");
    for (calls, words) in [
        (&[NAMESPACES][..], "modes and owners of files (user namespaces), the network (user namespaces)"),
        (&[LANDLOCK], "device nodes (Landlock), other processes from signals (Landlock of Linux 6.12)"),
        (&[NAMESPACES], "System V shared memory (user namespaces)"),
        (&[SECCOMP], "limits and priorities of other processes (seccomp)"),
        (&[NAMESPACES, LANDLOCK], "files (that takes Landlock or user namespaces), modes and owners"),
    ] {
        let check = |sandbox: &str| {
            let mut command = sockfuzz_without(&dir, calls);
            command.args(["check", "--sandbox", sandbox, "-i"]).arg(dir.corpus()).arg("--").arg(&server);
            command.assert()
        };
        let auto = check("auto").code(0);
        let said = String::from_utf8_lossy(&auto.get_output().stderr);
        let lines: Vec<_> = said.lines().filter(|line| line.contains("does not protect")).collect();
        assert!(matches!(lines[..], [line] if line.contains(words)), "{said}");
        check("require").code(1).stderr(contains("is required").and(contains(words)));
    }
}

/// Rules alone, or namespaces alone, still keep the server's hands off the files, and still leave it
/// a temporary directory.
#[test]
fn namespaces_or_landlock_alone_protect_files() {
    let dir = TestDir::not_temporary();
    let victims = Victims::new(&dir);
    let server = victims.attacked_by(&dir.server("hostile"));
    for call in [NAMESPACES, LANDLOCK] {
        for letter in "abcdkl".chars() {
            let mut command = sockfuzz_without(&dir, &[call]);
            command.args(["run", "--sandbox", "auto", "--"]).args(&server);
            let output = command.write_stdin(letter.to_string()).assert().code(0);
            let answer = String::from_utf8_lossy(&output.get_output().stdout).into_owned();
            assert_eq!(answer.contains("done"), ALLOWED.contains(letter), "{answer}");
        }
    }
    assert_eq!(fs::read(victims.files.join("file")).expect("there"), b"precious");
}
