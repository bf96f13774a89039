//! Calls that reach something outside and that no namespace and no Landlock rule covers, those that change another
//! process above all: refused by a seccomp filter. It sees numbers only, so what a process does to itself has to say 0
//! (`hooks/own_process.rs` sees to that).

use std::collections::BTreeMap;

use libc::c_long;
use seccompiler::SeccompCmpArgLen::{Dword, Qword};
use seccompiler::SeccompCmpOp::{Eq, Ne};
use seccompiler::{BpfProgram, SeccompAction, SeccompCondition, SeccompFilter, SeccompRule};
use sockfuzz_protocol::Network;

/// A condition on the argument at a place.
enum Condition {
    /// A number that the kernel takes for an `int`.
    Is(u8, u32),
    /// The same, for all other numbers.
    IsNot(u8, u32),
    /// A pointer.
    IsNotNull(u8),
}

use Condition::{Is, IsNot, IsNotNull};

/// `IOPRIO_WHO_PROCESS` (linux/ioprio.h).
const IOPRIO_WHO_PROCESS: u32 = 1;

/// Calls, and the conditions under which each is refused: any line of them, if all in it hold.
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
    // To all: the forkserver is one of them.
    (libc::SYS_kill, &[&[Is(0, u32::MAX)]]),
    // What is typed into the user's terminal, or pasted there, a shell outside reads.
    (libc::SYS_ioctl, &[&[Is(1, libc::TIOCSTI as u32)], &[Is(1, libc::TIOCLINUX as u32)]]),
    // The user's keys.
    (libc::SYS_add_key, &[]),
    (libc::SYS_keyctl, &[]),
    (libc::SYS_request_key, &[]),
];

/// Sockets to the machine's host, which are in no network namespace (vsock(7)).
const HOST_SOCKETS: (c_long, &[&[Condition]]) = (libc::SYS_socket, &[&[Is(0, libc::AF_VSOCK as u32)]]);

/// Refuses them for this process and all that it becomes and starts; whether the kernel can.
pub(super) fn install(network: Network) -> bool {
    let Some(program) = program(network) else { return false };
    // Neither the process nor its programs could otherwise be kept from getting rights again.
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
    fn the_table_makes_a_filter() {
        for network in [Network::None, Network::Host] {
            assert!(program(network).is_some_and(|program| !program.is_empty()));
        }
    }
}
