//! Loop `direct` when AFL++ kills the server at any moment: every request is answered exactly once,
//! and an answer is always that of the input it was asked for.
//!
//! The test is the AFL++ tool: it speaks the forkserver protocol, runs one input after the other, and
//! kills the process that runs one, as afl-fuzz does when the time is over.

mod common;

use std::io::{Read, Write, pipe};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::ptr;
use std::time::{Duration, Instant};

use common::Yard;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::fcntl_dupfd_cloexec;
use rustix::process::{Pid, Signal, kill_process};
use sockfuzz::afl::cargo_afl::CargoAfl;

/// Processes to kill; `KILLS` asks for another number.
const KILLS: u32 = 10_000;

/// An iteration takes a few microseconds: in such a time some are over and some are not.
const LONGEST_LIFE: Duration = Duration::from_micros(80);

/// A wait for the server that is longer is a wait for ever.
const FOR_EVER: Timespec = Timespec { tv_sec: 20, tv_nsec: 0 };

/// Wait status of a process that stopped itself: the iteration is over.
const STOPPED: u32 = 0x137f;

/// A piece of System V shared memory. It goes when the last process that has it mapped does.
struct Shared {
    id: i32,
    start: *mut u8,
}

impl Shared {
    fn new(len: usize) -> Self {
        // SAFETY: a new segment, mapped at an address of the kernel's choice.
        unsafe {
            let id = libc::shmget(libc::IPC_PRIVATE, len, libc::IPC_CREAT | 0o600);
            assert!(id >= 0, "{}", std::io::Error::last_os_error());
            let start = libc::shmat(id, ptr::null(), 0);
            assert_ne!(start.addr(), usize::MAX, "{}", std::io::Error::last_os_error());
            Self { id, start: start.cast() }
        }
    }

    fn write(&self, at: usize, bytes: &[u8]) {
        // SAFETY: every caller stays within the segment; the server reads it only when it is told to.
        unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), self.start.add(at), bytes.len()) }
    }

    fn read(&self, at: usize) -> u32 {
        // SAFETY: as above.
        unsafe { ptr::read_unaligned(self.start.add(at).cast()) }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // SAFETY: nobody uses the mapping any more.
        unsafe {
            libc::shmdt(self.start.cast());
            libc::shmctl(self.id, libc::IPC_RMID, ptr::null_mut());
        }
    }
}

/// What afl-fuzz is to the server.
struct Tool {
    requests: std::io::PipeWriter,
    answers: std::io::PipeReader,
    input: Shared,
    coverage: Shared,
    last_was_killed: bool,
    server: Child,
}

impl Tool {
    fn start(yard: &Yard) -> Self {
        let cargo_afl = CargoAfl::find_or_install().expect("cargo-afl");
        let (server_requests, requests) = pipe().expect("pipe");
        let (answers, server_answers) = pipe().expect("pipe");
        let (input, coverage) = (Shared::new(1 << 20), Shared::new(1 << 23));
        let mut command = Command::new(yard.loop_target("marks_coverage", "cc", &[], &cargo_afl));
        command
            .env("LD_PRELOAD", sockfuzz::preload::locate(None).expect("the preload"))
            .env("__AFL_SHM_ID", coverage.id.to_string())
            .env("__AFL_SHM_FUZZ_ID", input.id.to_string())
            .envs([("SOCKFUZZ_LOOP", "direct"), ("SOCKFUZZ_WARM_UP", "off"), ("SOCKFUZZ_SETTLE", "off")]);
        // Away from the numbers that they get in the server.
        let ends = [server_requests.as_fd(), server_answers.as_fd()]
            .map(|end| fcntl_dupfd_cloexec(end, 300).expect("dup"));
        // SAFETY: dup2 is safe after fork.
        unsafe {
            command.pre_exec(move || {
                for (end, number) in ends.iter().zip([198, 199]) {
                    if libc::dup2(end.as_raw_fd(), number) < 0 {
                        return Err(std::io::Error::last_os_error());
                    }
                }
                Ok(())
            });
        }
        let server = command.spawn().expect("the target starts");
        let mut tool = Self { requests, answers, input, coverage, last_was_killed: false, server };
        tool.greet();
        tool
    }

    fn greet(&mut self) {
        let version = self.read();
        assert_eq!(version, 0x4146_4c01);
        self.write(!version);
        assert_eq!(self.read(), 0x3, "map size and inputs in shared memory");
        assert!(self.read() >= 64, "the size of the coverage map");
        assert_eq!(self.read(), version);
    }

    /// Runs an input, for at most `life`; whether it was run to its end.
    fn run(&mut self, number: u32, life: Option<Duration>) -> bool {
        let request = format!("GET /{number} HTTP/1.1\r\n\r\n");
        self.input.write(0, &(request.len() as u32).to_ne_bytes());
        self.input.write(4, request.as_bytes());
        self.coverage.write(16, &[0; 4]);
        self.write(self.last_was_killed.into());
        let runner = self.read().cast_signed();
        let runner = Pid::from_raw(runner).filter(|_| runner > 0).expect("a process id");
        self.last_was_killed = life.is_some();
        if let Some(life) = life {
            let begin = Instant::now();
            while begin.elapsed() < life {
                std::hint::spin_loop();
            }
            kill_process(runner, Signal::KILL).expect("the process is there, or was a moment ago");
        }
        let status = self.read();
        assert!(matches!(status, STOPPED | 9), "input {number} ended with status {status:#x}");
        status == STOPPED
    }

    fn marked(&self) -> u32 {
        self.coverage.read(16)
    }

    fn write(&mut self, word: u32) {
        self.requests.write_all(&word.to_ne_bytes()).expect("the server lives");
    }

    fn read(&mut self) -> u32 {
        let ready = poll(&mut [PollFd::new(&self.answers, PollFlags::IN)], Some(&FOR_EVER));
        assert_eq!(ready, Ok(1), "the server keeps AFL++ waiting");
        let mut word = [0; 4];
        self.answers.read_exact(&mut word).expect("the server lives");
        u32::from_ne_bytes(word)
    }
}

impl Drop for Tool {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

#[test]
fn kills_at_random_moments_never_desynchronise() {
    let kills = std::env::var("KILLS").map_or(KILLS, |number| number.parse().expect("a number"));
    let yard = Yard::new();
    let mut tool = Tool::start(&yard);
    let (mut completed, mut number) = (0, 0);
    // xorshift: the moments differ, and are the same in every run.
    let mut random = 0x9e37_79b9_u32;
    for _ in 0..kills {
        random ^= random << 13;
        random ^= random >> 17;
        random ^= random << 5;
        number += 1;
        let life = LONGEST_LIFE * (random % 1024) / 1024;
        if tool.run(number, Some(life)) {
            completed += 1;
            assert_eq!(tool.marked(), number);
        }
        // The next ones have all the time they need: their answers must be their own.
        for _ in 0..random % 3 {
            number += 1;
            assert!(tool.run(number, None), "input {number} was not killed");
            assert_eq!(tool.marked(), number);
        }
    }
    assert!((1..kills).contains(&completed), "{completed} of {kills} were over before they were killed");
}
