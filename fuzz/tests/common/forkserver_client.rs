//! Client of the forkserver protocol, in the place of afl-fuzz: runs one input after the other.

use std::io::{Read, Write, pipe};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::ptr;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::fcntl_dupfd_cloexec;
use rustix::process::{Pid, Signal, kill_process};

/// Time limit of a read from the server.
const READ_TIMEOUT: Timespec = Timespec { tv_sec: 20, tv_nsec: 0 };

/// Wait status of a process that stopped itself (SIGSTOP) at the end of an iteration.
const STOPPED_STATUS: u32 = 0x137f;

/// Segment of System V shared memory. After its drop, the last process that unmaps it removes it.
struct SharedMemory {
    id: i32,
    start: *mut u8,
}

impl SharedMemory {
    fn new(len: usize) -> Self {
        // SAFETY: shmat(2) with a null address maps the segment where nothing else is mapped.
        unsafe {
            let id = libc::shmget(libc::IPC_PRIVATE, len, libc::IPC_CREAT | 0o600);
            assert!(id >= 0, "{}", std::io::Error::last_os_error());
            let start = libc::shmat(id, ptr::null(), 0);
            assert_ne!(start.addr(), usize::MAX, "{}", std::io::Error::last_os_error());
            Self { id, start: start.cast() }
        }
    }

    fn write(&self, at: usize, bytes: &[u8]) {
        // SAFETY: every caller stays within the mapping, which `bytes` cannot overlap.
        unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), self.start.add(at), bytes.len()) }
    }

    fn copy(&self, len: usize) -> Vec<u8> {
        // SAFETY: every caller stays within the mapping, which nothing changes while no input runs.
        unsafe { std::slice::from_raw_parts(self.start, len) }.to_vec()
    }

    fn read(&self, at: usize) -> u32 {
        // SAFETY: every caller stays within the mapping, and any bytes are a valid `u32`.
        unsafe { ptr::read_unaligned(self.start.add(at).cast()) }
    }
}

impl Drop for SharedMemory {
    fn drop(&mut self) {
        // SAFETY: no reference to the mapping is left when `self`, which owns it, is dropped.
        unsafe {
            libc::shmdt(self.start.cast());
            libc::shmctl(self.id, libc::IPC_RMID, ptr::null_mut());
        }
    }
}

/// Verdict on a run, as afl-fuzz would give it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The iteration finished.
    Finished,
    /// The process exited.
    Exited(u32),
    /// The process was ended by a signal.
    Signalled(u32),
    /// The time limit was reached, and the process was killed.
    TimedOut,
}

/// Client, with its server.
pub struct ForkserverClient {
    requests: std::io::PipeWriter,
    answers: std::io::PipeReader,
    input: SharedMemory,
    coverage: SharedMemory,
    map_len: usize,
    last_was_killed: bool,
    runner: Option<Pid>,
    server: Child,
}

impl ForkserverClient {
    /// Starts a server in loop `direct`, without warm-up and reruns, so that it runs each input once.
    pub fn start(mut command: Command) -> Self {
        command.envs([("SOCKFUZZ_WARM_UP", "off"), ("SOCKFUZZ_RERUN", "off")]);
        Self::start_with_warm_up(command)
    }

    /// Starts a server as afl-fuzz does, in loop `direct` unless the command selects another loop.
    pub fn start_with_warm_up(mut command: Command) -> Self {
        let (server_requests, requests) = pipe().expect("pipe");
        let (answers, server_answers) = pipe().expect("pipe");
        let (input, coverage) = (SharedMemory::new(1 << 20), SharedMemory::new(1 << 23));
        if command.get_envs().all(|(name, _)| name != "LD_PRELOAD") {
            command.env("LD_PRELOAD", sockfuzz::util::preload::locate(None).expect("the preload"));
        }
        command.env("__AFL_SHM_ID", coverage.id.to_string()).env("__AFL_SHM_FUZZ_ID", input.id.to_string());
        if command.get_envs().all(|(name, _)| name != "SOCKFUZZ_LOOP") {
            command.env("SOCKFUZZ_LOOP", "direct");
        }
        // The duplicates are far from the numbers that the ends get in the server.
        let ends = [server_requests.as_fd(), server_answers.as_fd()]
            .map(|end| fcntl_dupfd_cloexec(end, 300).expect("dup"));
        // SAFETY: `pre_exec` requires a closure that is async-signal-safe; it only calls dup2(2).
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
        let (map_len, last_was_killed, runner) = (0, false, None);
        let mut client =
            Self { requests, answers, input, coverage, map_len, last_was_killed, runner, server };
        client.handshake();
        client
    }

    fn handshake(&mut self) {
        let version = self.read();
        assert_eq!(version, 0x4146_4c01);
        self.write(!version);
        assert_eq!(self.read(), 0x3, "map size and inputs in shared memory");
        self.map_len = self.read() as usize;
        assert!(self.map_len >= 64, "the size of the coverage map");
        assert_eq!(self.read(), version);
    }

    /// Runs an input, kills the process after `life`, and returns whether the input was run to its end.
    pub fn run(&mut self, input: &[u8], life: Option<Duration>) -> bool {
        let status = self.wait_status_of(input, life);
        assert!(
            matches!(status, STOPPED_STATUS | 9),
            "{:?} ended with status {status:#x}",
            String::from_utf8_lossy(input)
        );
        status == STOPPED_STATUS
    }

    /// Runs an input, and returns the signal that ended the process, if any.
    pub fn run_and_crash(&mut self, input: &[u8]) -> Option<u32> {
        let status = self.wait_status_of(input, None);
        (status != STOPPED_STATUS).then_some(status & 0x7f)
    }

    /// Runs an input and, like afl-fuzz, kills the process when it takes longer than `limit`.
    pub fn verdict_of(&mut self, input: &[u8], limit: Duration) -> Verdict {
        self.request(input);
        let limit = Timespec::try_from(limit).expect("it is short");
        let in_time = poll(&mut [PollFd::new(&self.answers, PollFlags::IN)], Some(&limit)) == Ok(1);
        if !in_time {
            self.last_was_killed = true;
            let _ = kill_process(self.runner(), Signal::KILL);
        }
        match self.read() {
            _ if !in_time => Verdict::TimedOut,
            STOPPED_STATUS => Verdict::Finished,
            status if status & 0x7f == 0 => Verdict::Exited(status >> 8),
            status => Verdict::Signalled(status & 0x7f),
        }
    }

    /// Whether a request for another process ends the forkserver and all its processes.
    pub fn is_refused(&mut self) -> bool {
        self.write(0);
        let mut word = [0; 4];
        let ended = self.answers.read_exact(&mut word).is_err();
        self.runner = None;
        ended
    }

    /// Requests the run of an input, and reads the id of the process that runs it.
    fn request(&mut self, input: &[u8]) {
        self.input.write(0, &(input.len() as u32).to_ne_bytes());
        self.input.write(4, input);
        self.coverage.write(16, &[0; 4]);
        self.write(self.last_was_killed.into());
        self.last_was_killed = false;
        let runner = self.read().cast_signed();
        self.runner = Some(Pid::from_raw(runner).filter(|_| runner > 0).expect("a process id"));
    }

    fn wait_status_of(&mut self, input: &[u8], life: Option<Duration>) -> u32 {
        self.request(input);
        let runner = self.runner();
        self.last_was_killed = life.is_some();
        if let Some(life) = life {
            let begin = Instant::now();
            while begin.elapsed() < life {
                std::hint::spin_loop();
            }
            // A process that had ended may have been reaped meanwhile; then its successor has answered.
            let _ = kill_process(runner, Signal::KILL);
        }
        self.read()
    }

    /// Runs an input to its end, and returns the whole coverage map that it leaves.
    pub fn map_of(&mut self, input: &[u8]) -> Vec<u8> {
        self.clear_map();
        assert!(self.run(input, None));
        self.map()
    }

    /// Clears the coverage map, as afl-fuzz does before each run.
    pub fn clear_map(&self) {
        self.coverage.write(0, &vec![0; self.map_len]);
    }

    /// Returns the coverage map.
    pub fn map(&self) -> Vec<u8> {
        self.coverage.copy(self.map_len)
    }

    /// Returns the number that the last input left in the coverage map at byte 16.
    pub fn marked(&self) -> u32 {
        self.coverage.read(16)
    }

    /// Whether the last input left a mark in the coverage map at the given byte.
    pub fn is_marked_at(&self, place: usize) -> bool {
        self.coverage.read(place) & 0xff != 0
    }

    /// Returns the process that ran the last input.
    pub fn runner(&self) -> Pid {
        self.runner.expect("an input was run")
    }

    fn write(&mut self, word: u32) {
        self.requests.write_all(&word.to_ne_bytes()).expect("the server lives");
    }

    fn read(&mut self) -> u32 {
        let ready = poll(&mut [PollFd::new(&self.answers, PollFlags::IN)], Some(&READ_TIMEOUT));
        assert_eq!(ready, Ok(1), "the server does not answer in time");
        let mut word = [0; 4];
        self.answers.read_exact(&mut word).expect("the server lives");
        u32::from_ne_bytes(word)
    }
}

impl Drop for ForkserverClient {
    fn drop(&mut self) {
        // In loop `afl`, the process is stopped and would outlive its forkserver.
        let _ = self.runner.map(|runner| kill_process(runner, Signal::KILL));
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
