//! Seccomp filter for system calls that affect something outside and that no namespace and no Landlock rule covers,
//! mainly those that change another process. The filter sees only numbers, so a process must name itself by 0
//! (`hooks/own_process.rs` replaces its process id).

use std::collections::BTreeMap;

use libc::c_long;
use seccompiler::SeccompCmpArgLen::{Dword, Qword};
use seccompiler::SeccompCmpOp::{Eq, Ne};
use seccompiler::{BpfProgram, SeccompAction, SeccompCondition, SeccompFilter, SeccompRule};
use sockfuzz_protocol::Network;

/// Condition on an argument of a call. The first field is the index of the argument.
enum Condition {
    /// The argument, which the kernel reads as an `int`, equals this number.
    Is(u8, u32),
    /// The argument, which the kernel reads as an `int`, differs from this number.
    IsNot(u8, u32),
    /// The argument is a pointer that is not null.
    IsNotNull(u8),
}

use Condition::{Is, IsNot, IsNotNull};

/// `IOPRIO_WHO_PROCESS` (linux/ioprio.h).
const IOPRIO_WHO_PROCESS: u32 = 1;

/// Refused calls. A call is refused if all conditions of one of its lines hold; a call without lines, always.
const REFUSED: &[(c_long, &[&[Condition]])] = &[
    (libc::SYS_prlimit64, &[&[IsNot(0, 0), IsNotNull(2)]]),
    (libc::SYS_setpriority, &[&[IsNot(0, libc::PRIO_PROCESS)], &[IsNot(1, 0)]]),
    (libc::SYS_ioprio_set, &[&[IsNot(0, IOPRIO_WHO_PROCESS)], &[IsNot(1, 0)]]),
    (libc::SYS_sched_setaffinity, &[&[IsNot(0, 0)]]),
    (libc::SYS_sched_setattr, &[&[IsNot(0, 0)]]),
    (libc::SYS_sched_setparam, &[&[IsNot(0, 0)]]),
    (libc::SYS_sched_setscheduler, &[&[IsNot(0, 0)]]),
    (libc::SYS_migrate_pages, &[&[IsNot(0, 0)]]),
    (libc::SYS_move_pages, &[&[IsNot(0, 0)]]),
    // A signal to all processes would reach the forkserver.
    (libc::SYS_kill, &[&[Is(0, u32::MAX)]]),
    // A shell outside would read input that is injected into the user's terminal.
    (libc::SYS_ioctl, &[&[Is(1, libc::TIOCSTI as u32)], &[Is(1, libc::TIOCLINUX as u32)]]),
    // The user's keyrings (keyrings(7)).
    (libc::SYS_add_key, &[]),
    (libc::SYS_keyctl, &[]),
    (libc::SYS_request_key, &[]),
];

/// Sockets to the host of a virtual machine, which belong to no network namespace (vsock(7)).
const HOST_SOCKETS: (c_long, &[&[Condition]]) = (libc::SYS_socket, &[&[Is(0, libc::AF_VSOCK as u32)]]);

/// Installs the filter for this process, its child processes, and the programs that they execute. Returns whether
/// the kernel has accepted it.
pub(super) fn install(network: Network) -> bool {
    let Some(program) = program(network) else { return false };
    // seccomp(2) demands no_new_privs, which keeps this process and its programs from regaining privileges.
    rustix::thread::set_no_new_privs(true).is_ok() && seccompiler::apply_filter(&program).is_ok()
}

fn program(network: Network) -> Option<BpfProgram> {
    let calls = REFUSED.iter().chain((network == Network::None).then_some(&HOST_SOCKETS));
    let rules: Option<BTreeMap<_, _>> = calls.map(|(call, lines)| Some((*call, rules(lines)?))).collect();
    let refuse = SeccompAction::Errno(libc::EPERM as u32);
    let machine = std::env::consts::ARCH.try_into().ok()?;
    SeccompFilter::new(rules?, SeccompAction::Allow, refuse, machine).ok()?.try_into().ok()
}

fn rules(lines: &[&[Condition]]) -> Option<Vec<SeccompRule>> {
    let condition = |condition: &Condition| {
        let (argument, len, operator, value) = match *condition {
            Is(argument, value) => (argument, Dword, Eq, value.into()),
            IsNot(argument, value) => (argument, Dword, Ne, value.into()),
            IsNotNull(argument) => (argument, Qword, Ne, 0),
        };
        SeccompCondition::new(argument, len, operator, value).ok()
    };
    let rule =
        |line: &&[Condition]| SeccompRule::new(line.iter().map(condition).collect::<Option<_>>()?).ok();
    lines.iter().map(rule).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refused_calls_compile_to_a_filter() {
        for network in [Network::None, Network::Host] {
            assert!(program(network).is_some_and(|program| !program.is_empty()));
        }
    }
}
