//! x86-64 (Intel SDM, volume 2; System V ABI, AMD64 supplement, section 3.2.3: the first argument is in RDI).

use iced_x86::{Code, Decoder, DecoderOptions, FlowControl, Instruction, OpKind, Register};

use super::{Architecture, CallSite, Callee};

/// `inc byte [address]`: the address follows, sign-extended from 32 bits. It clobbers no more than a call does.
const INCREMENT: [u8; 3] = [0xfe, 0x04, 0x25];

/// Instructions without an effect, by their length (SDM: NOP, table "Recommended Multi-Byte Sequence").
const NOPS: [&[u8]; 3] = [
    &[0x0f, 0x1f, 0x44, 0x00, 0x00],
    &[0x66, 0x0f, 0x1f, 0x44, 0x00, 0x00],
    &[0x0f, 0x1f, 0x80, 0x00, 0x00, 0x00, 0x00],
];

pub(crate) struct X86_64;

impl Architecture for X86_64 {
    const INCREMENTS_IN_PLACE: bool = true;

    fn find_calls(code: &[u8], address: usize, callee: &Callee<'_>, sites: &mut Vec<CallSite>) -> usize {
        let mut decoder = Decoder::with_ip(64, code, address as u64, DecoderOptions::NONE);
        let mut calls = 0;
        let mut found = Vec::new();
        let mut jump_targets = Vec::new();
        let mut instruction = Instruction::default();
        let mut loaded = None;
        while decoder.can_decode() {
            decoder.decode_out(&mut instruction);
            if instruction.is_invalid() {
                // These are data, or the beginning of the function is wrong.
                return calls;
            }
            let loads = loaded.take();
            match instruction.flow_control() {
                FlowControl::Call | FlowControl::IndirectCall if callee.is_called_by(&instruction) => {
                    calls += 1;
                    found.extend(loads.and_then(|(start, argument)| {
                        let call = instruction.ip() as usize;
                        let fits = NOPS.iter().any(|nop| nop.len() == instruction.len());
                        fits.then(|| CallSite {
                            code: start..call + instruction.len(),
                            loads: call - start,
                            argument,
                        })
                    }));
                }
                FlowControl::ConditionalBranch | FlowControl::UnconditionalBranch => {
                    jump_targets.push(instruction.near_branch_target() as usize);
                }
                FlowControl::Next => loaded = callee.argument_of(&instruction),
                _ => {}
            }
        }
        // A jump to the call brings an argument of its own.
        jump_targets.sort_unstable();
        found.retain(|site: &CallSite| jump_targets.binary_search(&(site.code.start + site.loads)).is_err());
        sites.append(&mut found);
        calls
    }

    /// The two instructions are replaced one by one, so a jump between them would still find an instruction there.
    fn increment(site: &CallSite, counter: u32) -> Vec<u8> {
        let mut code = Vec::with_capacity(site.code.len());
        code.extend(INCREMENT);
        code.extend(counter.to_le_bytes());
        let rest = site.code.len() - site.loads;
        code.extend(NOPS.into_iter().find(|nop| nop.len() == rest).unwrap_or_default());
        code
    }
}

impl Callee<'_> {
    /// Whether this instruction calls the function: directly, or by an address in memory.
    fn is_called_by(&self, call: &Instruction) -> bool {
        match call.code() {
            Code::Call_rel32_64 => call.near_branch_target() as usize == self.address,
            Code::Call_rm64 if call.is_ip_rel_memory_operand() => {
                (self.stored_at)(call.ip_rel_memory_address() as usize) == Some(self.address)
            }
            _ => false,
        }
    }

    /// Returns the address of an instruction that loads an argument, and the argument. The instruction is as long as the
    /// increment.
    fn argument_of(&self, instruction: &Instruction) -> Option<(usize, usize)> {
        let loads = instruction.code() == Code::Lea_r64_m
            && instruction.op0_kind() == OpKind::Register
            && instruction.op0_register() == Register::RDI
            && instruction.is_ip_rel_memory_operand()
            && instruction.len() == INCREMENT.len() + size_of::<u32>();
        let argument = instruction.ip_rel_memory_address() as usize;
        (loads && self.arguments.contains(&argument)).then_some((instruction.ip() as usize, argument))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODE: usize = 0x1000;
    const CALLEE: usize = 0x2000;
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

        /// Returns the sites, and the number of calls.
        fn sites(&self) -> (Vec<CallSite>, usize) {
            let stored_at = |place| (place == POINTER).then_some(CALLEE);
            let callee = Callee { address: CALLEE, arguments: 0x4000..0x4100, stored_at: &stored_at };
            let mut sites = Vec::new();
            let calls = X86_64::find_calls(&self.0, CODE, &callee, &mut sites);
            (sites, calls)
        }
    }

    #[test]
    fn calls_of_either_kind_are_replaced_in_place() {
        let push_rbp = [0x55];
        let direct = Function::new().plain(&push_rbp).loads(GUARD).calls().plain(&[0xc3]);
        let by_pointer = Function::new().plain(&push_rbp).loads(GUARD).relative(&[0xff, 0x15], POINTER);
        // The linker turns a call by a pointer into a direct one of the same length.
        let padded = Function::new().plain(&push_rbp).loads(GUARD).relative(&[0x67, 0xe8], CALLEE);
        for (function, len) in [(direct, 12), (by_pointer, 13), (padded, 13)] {
            let (sites, calls) = function.sites();
            assert_eq!(sites, [CallSite { code: CODE + 1..CODE + 1 + len, loads: 7, argument: GUARD }]);
            assert_eq!(calls, 1);
            let code = X86_64::increment(&sites[0], 0x6000_0005);
            assert_eq!(code.len(), len);
            let instructions: Vec<_> = Decoder::new(64, &code, DecoderOptions::NONE).into_iter().collect();
            assert_eq!(instructions.iter().map(Instruction::code).collect::<Vec<_>>()[0], Code::Inc_rm8);
            assert_eq!(instructions[0].memory_displacement64(), 0x6000_0005);
            assert_eq!(instructions[0].len(), 7);
            assert!(instructions[1].mnemonic() == iced_x86::Mnemonic::Nop && instructions.len() == 2);
        }
    }

    #[test]
    fn what_is_not_exactly_such_a_call_is_left_alone() {
        let move_between = Function::new().loads(GUARD).plain(&[0x89, 0xc8]).calls();
        let no_guard = Function::new().loads(0x5000).calls();
        // A jump to the call, from the end of the function, and one over the call.
        let jump_to_call = Function::new().loads(GUARD).calls().plain(&[0xeb, 0xf9]);
        let jump_over = Function::new().plain(&[0x75, 0x0c]).loads(GUARD).calls().plain(&[0xc3]);
        for (function, found) in [(move_between, 0), (no_guard, 0), (jump_to_call, 0), (jump_over, 1)] {
            let (sites, calls) = function.sites();
            assert_eq!((sites.len(), calls), (found, 1), "{:02x?}", function.0);
        }
        let other_callee = Function::new().loads(GUARD).relative(&[0xe8], CALLEE + 1);
        assert_eq!(other_callee.sites(), (vec![], 0));
    }

    #[test]
    fn a_function_with_data_among_its_code_is_left_alone() {
        // 0x06 is no instruction of 64-bit code.
        let (sites, _) = Function::new().loads(GUARD).calls().plain(&[0xc3, 0x06]).sites();
        assert_eq!(sites, []);
    }
}
