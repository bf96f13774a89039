//! Report of a crash, from gdb or from what the process itself has recorded.

use gdb_command::mappings::{MappedFiles, MappedFilesExt};
use gdb_command::memory::MemoryObject;
use gdb_command::registers::{Registers, RegistersExt};
use gdb_command::siginfo::Siginfo;
use libcasr::execution_class::ExecutionClass;
use libcasr::gdb::GdbStacktrace;
use libcasr::gdb::exploitable::{GdbContext, MachineInfo};
use libcasr::severity::Severity;
use object::elf;

use super::FailureReport;
use super::frames::{ParsedStack, severity};
use crate::server::crash_stack::CrashStack;
use crate::server::debugger::{CrashState, Section};
use crate::triage::finding::FailureKind;

/// Machine for CASR: that of this program, which is the server's.
const MACHINE: u16 = if cfg!(target_arch = "aarch64") { elf::EM_AARCH64.0 } else { elf::EM_X86_64.0 };

/// Names of registers, as gdb has them.
const PROGRAM_COUNTER: &str = if cfg!(target_arch = "aarch64") { "pc" } else { "rip" };
const STACK_POINTER: &str = if cfg!(target_arch = "aarch64") { "sp" } else { "rsp" };

impl FailureReport {
    /// Reads the state of a crash.
    #[must_use]
    pub fn of_crash(state: &CrashState) -> Self {
        let stack = ParsedStack::parse::<GdbStacktrace>(state.section(Section::Stack));
        Self::of_stack(&stack, class_by_gdb(state, &stack).as_ref())
    }

    /// Reads the crash that a process has recorded.
    #[must_use]
    pub fn of_recorded_crash(crash: &CrashStack) -> Self {
        let stack = ParsedStack::of_frames(&crash.frames);
        Self::of_stack(&stack, recorded_class(crash, &stack).as_ref())
    }

    fn of_stack(stack: &ParsedStack, class: Option<&ExecutionClass>) -> Self {
        let (place, function) = stack.place().map_or((None, None), |(place, name)| (Some(place), name));
        Self {
            kind: FailureKind::Crash,
            class: class.map_or("crash".to_owned(), |class| class.description.clone()),
            severity: class.map(severity),
            function,
            location: stack.location(),
            place,
            stack: stack.lines(),
        }
    }
}

/// Estimates the severity from the signal, the registers and the instruction.
fn class_by_gdb(state: &CrashState, stack: &ParsedStack) -> Option<ExecutionClass> {
    let context = GdbContext {
        siginfo: Siginfo::from_gdb(state.section(Section::Signal)).ok()?,
        registers: Registers::from_gdb(state.section(Section::Registers)).ok()?,
        mappings: MappedFiles::from_gdb(state.section(Section::Mappings)).unwrap_or_default(),
        machine: machine(),
        pc_memory: MemoryObject::from_gdb(without_symbols(state.section(Section::Code))).unwrap_or_default(),
        stacktrace: stack.lines(),
    };
    context.severity().ok()
}

/// Like [`class_by_gdb`]. The registers are those that CASR looks at.
fn recorded_class(crash: &CrashStack, stack: &ParsedStack) -> Option<ExecutionClass> {
    let registers = [(PROGRAM_COUNTER, crash.instruction), (STACK_POINTER, crash.stack_pointer)];
    let context = GdbContext {
        siginfo: Siginfo {
            si_signo: crash.signal.cast_unsigned(),
            si_errno: 0,
            si_code: crash.code.cast_unsigned(),
            si_addr: crash.address.unwrap_or(0),
        },
        registers: registers.map(|(name, value)| (name.to_owned(), value)).into(),
        mappings: MappedFiles::default(),
        machine: machine(),
        pc_memory: MemoryObject { address: crash.instruction, data: crash.machine_code.clone() },
        stacktrace: stack.lines(),
    };
    context.severity().ok()
}

fn machine() -> MachineInfo {
    MachineInfo { arch: MACHINE, byte_width: 8, ..MachineInfo::default() }
}

/// Removes the names of functions from a dump of memory: the parser takes a colon in them for the end of the address.
fn without_symbols(dump: &str) -> String {
    let lines = dump.lines().filter_map(|line| {
        let address = line.split([':', ' ']).next()?;
        let (_, bytes) = line.rsplit_once(":\t")?;
        Some(format!("{address}: {bytes}\n"))
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_to_an_invalid_address_has_a_severity_and_a_place() {
        let state = CrashState::from(
            "\n@signal\n$1 = {si_signo = 0xb, si_errno = 0x0, si_code = 0x1, _sifields = {_sigfault = {si_addr = 0x41414141}}}\n\
             \n@stack\n#0  0x00005555555bf52a in store (place=0x41414141) at /srv/store.c:12\n\
             #1  0x00005555555bf600 in main () at /srv/main.c:3\n\
             \n@registers\nrip            0x5555555bf52a      0x5555555bf52a <app::store+26>\nrax 0x41414141 1094795585\n\
             \n@mappings\n\n@code\n0x5555555bf52a <app::store+26>:\t0xc6\t0x00\t0x11\t0xc3\n",
        );
        let report = FailureReport::of_crash(&state);
        assert_eq!(report.severity.map(|severity| severity.class).as_deref(), Some("DestAv"));
        assert_eq!(report.function.as_deref(), Some("store"));
        assert_eq!(report.location.map(|location| location.line), Some(12));
    }
}
