//! x86-64 (Intel SDM, volume 2; System V ABI, AMD64 supplement, section 3.2.3: the first argument is in RDI).

use iced_x86::{
    Code, Decoder, DecoderOptions, FlowControl, Instruction, InstructionInfoFactory, OpKind, Register,
};

use super::{Architecture, CallbackCalls, Callbacks, CountingCall};

/// `inc byte [address]`: the address follows, sign-extended from 32 bits. It clobbers no more than a call does.
const INCREMENT: [u8; 3] = [0xfe, 0x04, 0x25];

/// Length of the increment, in bytes.
const INCREMENT_LEN: usize = INCREMENT.len() + size_of::<u32>();

/// Instructions without an effect, of all lengths that a call may have (SDM: NOP, table "Recommended Multi-Byte Sequence").
const NOPS: [&[u8]; 3] = [
    &[0x0f, 0x1f, 0x44, 0x00, 0x00],
    &[0x66, 0x0f, 0x1f, 0x44, 0x00, 0x00],
    &[0x0f, 0x1f, 0x80, 0x00, 0x00, 0x00, 0x00],
];

pub(crate) struct X86_64;

/// Callback that an instruction calls.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Called {
    Counting,
    Idle,
}

impl Architecture for X86_64 {
    const INCREMENTS_IN_PLACE: bool = true;

    fn find_calls(code: &[u8], address: usize, callbacks: &Callbacks<'_>, found: &mut CallbackCalls) {
        let mut decoder = Decoder::with_ip(64, code, address as u64, DecoderOptions::NONE);
        let mut information = InstructionInfoFactory::new();
        let mut instruction = Instruction::default();
        let (mut counting, mut idle, mut jump_targets) = (Vec::new(), Vec::new(), Vec::new());
        let mut loaded = None;
        while decoder.can_decode() {
            decoder.decode_out(&mut instruction);
            if instruction.is_invalid() {
                // These are data, or the beginning of the function is wrong.
                return;
            }
            let place = instruction.ip() as usize..instruction.next_ip() as usize;
            match instruction.flow_control() {
                FlowControl::Call | FlowControl::IndirectCall => {
                    let is_replaceable = NOPS.iter().any(|nop| nop.len() == place.len());
                    let load = loaded.take().filter(|_| is_replaceable);
                    match callbacks.called_by(&instruction) {
                        Some(Called::Counting) => {
                            found.counted_edges += 1;
                            counting.extend(load.map(|(load, guard)| CountingCall {
                                load,
                                call: place,
                                guard,
                            }));
                        }
                        Some(Called::Idle) if is_replaceable => idle.push(place),
                        _ => {}
                    }
                }
                FlowControl::Next => match callbacks.guard_loaded_by(&instruction) {
                    Some(guard) => loaded = Some((place.start, guard)),
                    None => {
                        loaded = loaded.filter(|_| notices_nothing(&mut information, &instruction));
                    }
                },
                kind => {
                    loaded = None;
                    if matches!(kind, FlowControl::ConditionalBranch | FlowControl::UnconditionalBranch) {
                        jump_targets.push(instruction.near_branch_target() as usize);
                    }
                }
            }
        }
        // A jump to the call, or to what precedes it, brings a guard of its own.
        jump_targets.sort_unstable();
        counting.retain(|call: &CountingCall| {
            let next = jump_targets.partition_point(|&target| target <= call.load);
            jump_targets.get(next).is_none_or(|&target| target > call.call.start)
        });
        found.counting.append(&mut counting);
        found.idle.append(&mut idle);
    }

    /// A load is replaced by one instruction, and a call by one, so a jump between them still finds an instruction there.
    fn increment(counter: u32) -> Vec<u8> {
        [&INCREMENT[..], &counter.to_le_bytes()].concat()
    }

    fn nothing(len: usize) -> &'static [u8] {
        NOPS.into_iter().find(|nop| nop.len() == len).unwrap_or_default()
    }
}

impl Callbacks<'_> {
    /// Returns the callback that an instruction calls: directly, or by an address in memory.
    fn called_by(&self, call: &Instruction) -> Option<Called> {
        let called = match call.code() {
            Code::Call_rel32_64 => call.near_branch_target() as usize,
            Code::Call_rm64 if call.is_ip_rel_memory_operand() => {
                (self.stored_at)(call.ip_rel_memory_address() as usize)?
            }
            _ => return None,
        };
        match called == self.counting {
            true => Some(Called::Counting),
            false => self.idle.contains(&called).then_some(Called::Idle),
        }
    }

    /// Returns the address of the guard that an instruction loads. The instruction is as long as the increment.
    fn guard_loaded_by(&self, instruction: &Instruction) -> Option<usize> {
        let loads = instruction.code() == Code::Lea_r64_m
            && instruction.op0_kind() == OpKind::Register
            && instruction.op0_register() == Register::RDI
            && instruction.is_ip_rel_memory_operand()
            && instruction.len() == INCREMENT_LEN;
        let address = instruction.ip_rel_memory_address() as usize;
        (loads && self.guards.contains(&address)).then_some(address)
    }
}

/// Whether an instruction between a load and its call does the same after an increment in the place of the load: it uses
/// neither the argument nor the flags, and cannot fail, so that the call would have been reached.
fn notices_nothing(information: &mut InstructionInfoFactory, instruction: &Instruction) -> bool {
    if instruction.rflags_read() != 0 {
        return false;
    }
    let used = information.info(instruction);
    let uses_argument =
        used.used_registers().iter().any(|used| used.register().full_register() == Register::RDI);
    let is_on_stack = used.used_memory().iter().all(|used| used.base() == Register::RSP);
    !uses_argument && is_on_stack
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODE: usize = 0x1000;
    const CALLEE: usize = 0x2000;
    const IDLE_CALLEE: usize = 0x2800;
    const POINTER: usize = 0x3000;
    const GUARD: usize = 0x4008;

    /// Code that is built instruction by instruction.
    struct Function(Vec<u8>);

    impl Function {
        fn new() -> Self {
            Self(Vec::new())
        }

        fn plain(mut self, bytes: &[u8]) -> Self {
            self.0.extend(bytes);
            self
        }

        /// An instruction with a displacement to `target` at its end.
        fn relative(mut self, opcode: &[u8], target: usize) -> Self {
            self.0.extend(opcode);
            let end = CODE + self.0.len() + 4;
            self.0.extend((target.wrapping_sub(end) as u32).to_le_bytes());
            self
        }

        fn loads(self, argument: usize) -> Self {
            self.relative(&[0x48, 0x8d, 0x3d], argument)
        }

        fn calls(self) -> Self {
            self.relative(&[0xe8], CALLEE)
        }

        fn found(&self) -> CallbackCalls {
            let stored_at = |place| (place == POINTER).then_some(CALLEE);
            let callbacks = Callbacks {
                counting: CALLEE,
                guards: 0x4000..0x4100,
                idle: &[IDLE_CALLEE],
                stored_at: &stored_at,
            };
            let mut found = CallbackCalls::default();
            X86_64::find_calls(&self.0, CODE, &callbacks, &mut found);
            found
        }
    }

    fn is_nop(code: &[u8]) -> bool {
        let mut decoder = Decoder::new(64, code, DecoderOptions::NONE);
        decoder.decode().mnemonic() == iced_x86::Mnemonic::Nop && !decoder.can_decode()
    }

    #[test]
    fn calls_of_either_kind_are_found() {
        let push_rbp = [0x55];
        let direct = Function::new().plain(&push_rbp).loads(GUARD).calls().plain(&[0xc3]);
        let by_pointer = Function::new().plain(&push_rbp).loads(GUARD).relative(&[0xff, 0x15], POINTER);
        // The linker turns a call by a pointer into a direct one of the same length.
        let padded = Function::new().plain(&push_rbp).loads(GUARD).relative(&[0x67, 0xe8], CALLEE);
        for (function, len) in [(direct, 5), (by_pointer, 6), (padded, 6)] {
            let call = CODE + 8..CODE + 8 + len;
            let expected = CountingCall { load: CODE + 1, call, guard: GUARD };
            let found = function.found();
            assert_eq!((found.counting, found.counted_edges), (vec![expected], 1));
            assert!(is_nop(X86_64::nothing(len)));
        }
    }

    #[test]
    fn an_increment_names_its_counter_and_is_as_long_as_a_load() {
        let code = X86_64::increment(0x6000_0005);
        let instruction = Decoder::new(64, &code, DecoderOptions::NONE).decode();
        assert_eq!((instruction.code(), instruction.len()), (Code::Inc_rm8, INCREMENT_LEN));
        assert_eq!(instruction.memory_displacement64(), 0x6000_0005);
        assert_eq!(Function::new().loads(GUARD).0.len(), INCREMENT_LEN);
    }

    #[test]
    fn what_stands_between_a_load_and_its_call_must_not_notice() {
        let between: [(&[u8], usize); 7] = [
            (&[0x89, 0xc8], 1),                   // mov eax, ecx
            (&[0x48, 0x89, 0x44, 0x24, 0x08], 1), // mov [rsp+8], rax
            (&[0xc5, 0xf8, 0x77], 1),             // vzeroupper
            (&[0x8b, 0x07], 0),                   // mov eax, [rdi]: the guard
            (&[0x8b, 0x06], 0),                   // mov eax, [rsi]: may fail
            (&[0x0f, 0x94, 0xc0], 0),             // sete al: reads flags
            (&[0xe8, 0, 0, 0, 0], 0),             // another call
        ];
        for (code, expected) in between {
            let found = Function::new().loads(GUARD).plain(code).calls().found();
            assert_eq!((found.counting.len(), found.counted_edges), (expected, 1), "{code:02x?}");
        }
    }

    #[test]
    fn a_call_that_other_code_jumps_to_is_left_alone() {
        // The first jumps from the end of the function to the call, the second one over it, the third one to the load.
        let to_call = Function::new().loads(GUARD).calls().plain(&[0xeb, 0xf9]);
        let over = Function::new().plain(&[0x75, 0x0c]).loads(GUARD).calls().plain(&[0xc3]);
        let to_load = Function::new().loads(GUARD).calls().plain(&[0xeb, 0xf2]);
        for (function, expected) in [(to_call, 0), (over, 1), (to_load, 1)] {
            assert_eq!(function.found().counting.len(), expected, "{:02x?}", function.0);
        }
    }

    #[test]
    fn calls_of_other_functions_are_left_alone() {
        let other = Function::new().loads(GUARD).relative(&[0xe8], CALLEE + 1);
        assert_eq!(other.found(), CallbackCalls::default());
        let no_guard = Function::new().loads(0x5000).calls();
        assert_eq!(no_guard.found().counting, []);
    }

    #[test]
    fn calls_of_idle_functions_are_found_wherever_they_are() {
        let found = Function::new().loads(GUARD).relative(&[0xe8], IDLE_CALLEE).plain(&[0xeb, 0xf9]).found();
        let expected = CallbackCalls {
            idle: std::iter::once(CODE + 7..CODE + 12).collect(),
            ..CallbackCalls::default()
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn a_function_with_data_among_its_code_is_left_alone() {
        // 0x06 is no instruction of 64-bit code.
        let found = Function::new().loads(GUARD).calls().plain(&[0xc3, 0x06]).found();
        assert_eq!(found.counting, []);
    }
}
