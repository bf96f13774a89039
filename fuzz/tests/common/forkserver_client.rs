//! A client of the forkserver protocol, in the place of afl-fuzz: runs one input after the other.

use std::io::{Read, Write, pipe};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::ptr;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::fcntl_dupfd_cloexec;
use rustix::process::{Pid, Signal, kill_process};

/// How long a read from the server may take.
const READ_TIMEOUT: Timespec = Timespec { tv_sec: 20, tv_nsec: 0 };

/// Wait status of a process that stopped itself (SIGSTOP) at the end of an iteration.
const STOPPED_STATUS: u32 = 0x137f;

/// A piece of System V shared memory. It goes when the last process that has it mapped does.
struct SharedMemory {
    id: i32,
    start: *mut u8,
}

impl SharedMemory {
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

    fn copy(&self, len: usize) -> Vec<u8> {
        // SAFETY: as above.
        unsafe { std::slice::from_raw_parts(self.start, len) }.to_vec()
    }

    fn read(&self, at: usize) -> u32 {
        // SAFETY: as above.
        unsafe { ptr::read_unaligned(self.start.add(at).cast()) }
    }
}

impl Drop for SharedMemory {
    fn drop(&mut self) {
        // SAFETY: nobody uses the mapping any more.
        unsafe {
            libc::shmdt(self.start.cast());
            libc::shmctl(self.id, libc::IPC_RMID, ptr::null_mut());
        }
    }
}

/// What afl-fuzz would make of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Run to its end.
    Finished,
    /// The process exited.
    Exited(u32),
    /// The process was ended by a signal.
    Signalled(u32),
    /// The time was over, and the process was killed.
    TimedOut,
}

/// The client, and its server.
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
    /// Starts a server, in loop `direct`, which runs each input once, from the first one on.
    pub fn start(mut command: Command) -> Self {
        command.envs([("SOCKFUZZ_WARM_UP", "off"), ("SOCKFUZZ_RERUN", "off")]);
        Self::start_with_warm_up(command)
    }

    /// Starts a server, in loop `direct`, as afl-fuzz does.
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

    /// Runs an input, for at most `life`; whether it was run to its end.
    pub fn run(&mut self, input: &[u8], life: Option<Duration>) -> bool {
        let status = self.wait_status_of(input, life);
        assert!(
            matches!(status, STOPPED_STATUS | 9),
            "{:?} ended with status {status:#x}",
            String::from_utf8_lossy(input)
        );
        status == STOPPED_STATUS
    }

    /// Runs an input; the signal that ended the process which ran it, if any did.
    pub fn run_and_crash(&mut self, input: &[u8]) -> Option<u32> {
        let status = self.wait_status_of(input, None);
        (status != STOPPED_STATUS).then_some(status & 0x7f)
    }

    /// Runs an input as afl-fuzz does, which kills the process when it takes longer than `limit`.
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

    /// Whether the forkserver ends when it is asked for another process, with all that lives by it.
    pub fn is_refused(&mut self) -> bool {
        self.write(0);
        let mut word = [0; 4];
        let ended = self.answers.read_exact(&mut word).is_err();
        self.runner = None;
        ended
    }

    /// Hands over an input; afterwards, a process runs it.
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
            // One that was dead already may have been reaped meanwhile: its successor has answered.
            let _ = kill_process(runner, Signal::KILL);
        }
        self.read()
    }

    /// Runs an input to its end; the whole coverage map that it leaves.
    pub fn map_of(&mut self, input: &[u8]) -> Vec<u8> {
        self.coverage.write(0, &vec![0; self.map_len]);
        assert!(self.run(input, None));
        self.coverage.copy(self.map_len)
    }

    /// What the last input has left in the coverage map, at byte 16.
    pub fn marked(&self) -> u32 {
        self.coverage.read(16)
    }

    /// What the last input has left in the coverage map, at a place.
    pub fn is_marked_at(&self, place: usize) -> bool {
        self.coverage.read(place) & 0xff != 0
    }

    /// The process that has run the last input.
    pub fn runner(&self) -> Pid {
        self.runner.expect("an input was run")
    }

    fn write(&mut self, word: u32) {
        self.requests.write_all(&word.to_ne_bytes()).expect("the server lives");
    }

    fn read(&mut self) -> u32 {
        let ready = poll(&mut [PollFd::new(&self.answers, PollFlags::IN)], Some(&READ_TIMEOUT));
        assert_eq!(ready, Ok(1), "the server keeps AFL++ waiting");
        let mut word = [0; 4];
        self.answers.read_exact(&mut word).expect("the server lives");
        u32::from_ne_bytes(word)
    }
}

impl Drop for ForkserverClient {
    fn drop(&mut self) {
        // In loop `afl`, it is stopped, and would stay when its forkserver goes.
        let _ = self.runner.map(|runner| kill_process(runner, Signal::KILL));
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
