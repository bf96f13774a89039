//! Texts in an executable's read-only data. C ends them with a zero byte. Rust puts them beside each other, so that their
//! bounds have to be read from what refers to them: slices (an address that is relocated, followed by a length), and
//! instructions that load an address.

use std::collections::BTreeSet;
use std::ops::Range;

use object::elf::{FileHeader64, R_AARCH64_RELATIVE, R_X86_64_RELATIVE};
use object::read::elf::ElfFile;
use object::{Endianness, Object, ObjectSection, RelocationFlags, SectionFlags, SectionKind};

/// Lengths of texts that are looked at, in bytes.
const TEXT_BYTES: Range<usize> = 2..256;
/// Length of the instruction `lea register, [rip + offset]` behind its first two bytes: one that names the register, and
/// the offset (Intel's manual, volume 2, section 2.1.5).
const LEA_REST: usize = 5;

/// Returns all texts; `None` if the file is no ELF file.
pub(super) fn texts(content: &[u8]) -> Option<Vec<&str>> {
    let elf = ElfFile::<FileHeader64<Endianness>>::parse(content).ok()?;
    let data: Vec<(u64, &[u8])> =
        elf.sections().filter(is_constant).filter_map(|section| content_of(&section)).collect();
    let mut bounds = slices(&elf);
    for section in elf.sections().filter(|section| section.kind() == SectionKind::Text) {
        bounds.extend(
            content_of(&section).into_iter().flat_map(|(address, code)| loaded_addresses(address, code)),
        );
    }
    Some(data.into_iter().flat_map(|(address, bytes)| texts_in(address, bytes, &bounds)).collect())
}

type ElfSection<'data, 'file> = object::read::elf::ElfSection<'data, 'file, FileHeader64<Endianness>>;

fn content_of<'data>(section: &ElfSection<'data, '_>) -> Option<(u64, &'data [u8])> {
    let bytes = section.data().ok()?;
    section.address().checked_add(bytes.len() as u64)?;
    Some((section.address(), bytes))
}

/// Whether a section has constants: it is loaded, and neither writable nor code.
fn is_constant(section: &ElfSection<'_, '_>) -> bool {
    let is_loaded = match section.flags() {
        SectionFlags::Elf { sh_flags, .. } => sh_flags.0 & object::elf::SHF_ALLOC.0 != 0,
        _ => false,
    };
    is_loaded && matches!(section.kind(), SectionKind::ReadOnlyData | SectionKind::ReadOnlyString)
}

/// Returns the texts in constants at an address. A text between zero bytes is whole; others are cut at the bounds.
fn texts_in<'data>(address: u64, bytes: &'data [u8], bounds: &BTreeSet<u64>) -> Vec<&'data str> {
    let (mut texts, mut at) = (Vec::new(), 0);
    for printable in bytes.split(|byte| !(b' '..=b'~').contains(byte)) {
        let range = at..at + printable.len();
        at = range.end + 1;
        let is_zero = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_none_or(|byte| *byte == 0);
        let is_whole = is_zero(range.start.checked_sub(1)) && is_zero(Some(range.end));
        let inner = bounds.range(address + range.start as u64..address + range.end as u64);
        let cuts = inner.map(|bound| (bound - address) as usize).filter(|_| !is_whole);
        let mut start = range.start;
        for cut in cuts.chain([range.end]) {
            texts.extend(Some(&bytes[start..cut]).filter(|text| TEXT_BYTES.contains(&text.len())));
            start = cut;
        }
    }
    texts.into_iter().filter_map(|text| str::from_utf8(text).ok()).collect()
}

/// Returns both ends of each slice, and the addresses of other relocated pointers.
fn slices(elf: &ElfFile<'_, FileHeader64<Endianness>>) -> BTreeSet<u64> {
    let mut bounds = BTreeSet::new();
    let sections: Vec<_> =
        elf.sections().filter_map(|section| content_of(&section)).filter(|(at, _)| *at > 0).collect();
    for (place, relocation) in elf.dynamic_relocations().into_iter().flatten() {
        let RelocationFlags::Elf { r_type } = relocation.flags() else { continue };
        if ![R_X86_64_RELATIVE, R_AARCH64_RELATIVE].contains(&r_type) {
            continue;
        }
        let start = relocation.addend().cast_unsigned();
        bounds.insert(start);
        let holds =
            |(address, bytes): &&(u64, &[u8])| (*address..*address + bytes.len() as u64).contains(&place);
        let len = sections.iter().find(holds).and_then(|(address, bytes)| {
            let after = usize::try_from(place - address).ok()? + size_of::<u64>();
            Some(u64::from_le_bytes(*bytes.get(after..)?.first_chunk()?))
        });
        bounds.extend(
            len.filter(|len| TEXT_BYTES.contains(&(*len as usize))).and_then(|len| start.checked_add(len)),
        );
    }
    bounds
}

/// Returns the addresses that instructions of x86-64 load relative to themselves. Other bytes that look like such an
/// instruction add a bound at a random place, which does no harm. Code of other machines has none.
fn loaded_addresses(address: u64, code: &[u8]) -> impl Iterator<Item = u64> {
    const LEA: u8 = 0x8d;
    memchr::memchr_iter(LEA, code).filter_map(move |at| {
        let has_prefix = matches!(code.get(at.checked_sub(1)?)?, 0x48 | 0x4c);
        let rest = code.get(at + 1..)?.first_chunk::<LEA_REST>()?;
        let [mode, offset @ ..] = *rest;
        let next = address.checked_add((at + 1 + LEA_REST) as u64)?;
        (cfg!(target_arch = "x86_64") && has_prefix && mode & 0xc7 == 0x05)
            .then(|| next.wrapping_add_signed(i32::from_le_bytes(offset).into()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn loaded_addresses_are_relative_to_the_next_instruction() {
        // lea rdi, [rip + 0x10]; lea rax, [rsp + 8]; lea r9, [rip - 7]
        let code = *b"\x48\x8d\x3d\x10\0\0\0\x48\x8d\x44\x24\x08\x4c\x8d\x0d\xf9\xff\xff\xff";
        assert_eq!(loaded_addresses(0x1000, &code).collect::<Vec<_>>(), [0x1017, 0x100c]);
    }

    #[test]
    fn texts_of_c_are_whole_and_others_end_at_bounds() {
        let bounds = [102, 115].into();
        let texts = texts_in(100, b"/a/b\0GET\0x\xff\xffkey/path\xff", &bounds);
        assert_eq!(texts, ["/a/b", "GET", "key", "/path"]);
    }
}
