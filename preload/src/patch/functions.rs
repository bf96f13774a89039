//! Functions of an object, from its unwind information, which stripped executables have, too.

use std::ops::Range;

use gimli::{BaseAddresses, CieOrFde, EhFrame, EndianSlice, NativeEndian, UnwindSection};
use object::read::elf::ElfFile64;
use object::{Endianness, Object, ObjectSection, SectionKind};

/// Address ranges of functions, as the linker numbers them, in ascending order.
pub(crate) struct FunctionRanges(Vec<Range<usize>>);

impl FunctionRanges {
    /// Reads the functions of an object. Stops at the first entry that cannot be read.
    pub(crate) fn of(elf: &ElfFile64<'_, Endianness>) -> Self {
        let mut found = Vec::new();
        if let Some(section) = elf.section_by_name(".eh_frame")
            && let Ok(content) = section.data()
        {
            let text = elf.section_by_name(".text").map_or(0, |text| text.address());
            let bases = BaseAddresses::default().set_eh_frame(section.address()).set_text(text);
            let frames = EhFrame::from(EndianSlice::new(content, NativeEndian));
            let mut entries = frames.entries(&bases);
            while let Ok(Some(entry)) = entries.next() {
                if let CieOrFde::Fde(partial) = entry
                    && let Ok(function) = partial.parse(EhFrame::cie_from_offset)
                {
                    found.push(function.initial_address() as usize..function.end_address() as usize);
                }
            }
        }
        let texts: Vec<_> = elf
            .sections()
            .filter(|section| section.kind() == SectionKind::Text)
            .map(|section| section.address() as usize..(section.address() + section.size()) as usize)
            .collect();
        found.retain(|function| {
            texts.iter().any(|text| text.start <= function.start && function.end <= text.end)
        });
        found.sort_unstable_by_key(|function| function.start);
        Self(found)
    }

    /// Returns their address ranges. They may overlap if the unwind information is wrong.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Range<usize>> {
        self.0.iter().cloned()
    }
}
