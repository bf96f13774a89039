//! Words that are learned of a server: from what it compares, from its executable, and from its answers.

mod answers;
mod comparisons;
mod words;

use sockfuzz_model::WordKind;

pub(crate) use comparisons::{MAX_OPERAND_BYTES, Operands};
use words::WordStore;

use crate::random::Random;

/// Where a word comes from. Each origin has a store of its own, so that none crowds out the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub(crate) enum Origin {
    /// The other side of a comparison with a part of an input.
    Comparison,
    /// A text in the server's executable.
    Executable,
    /// An earlier answer.
    Answer,
}

const ORIGINS: usize = Origin::Answer as usize + 1;

/// Learned words, of all kinds and origins.
#[derive(Debug, Default)]
pub(crate) struct Learned {
    stores: [[WordStore; WordKind::ALL.len()]; ORIGINS],
}

impl Learned {
    /// Adds a word, unless it is known from this origin.
    pub(crate) fn add(&mut self, origin: Origin, kind: WordKind, word: &[u8]) {
        self.stores[origin as usize][kind as usize].add(word);
    }

    /// Adds a text as a word of the kind that it looks like, if it looks like one.
    pub(crate) fn add_text(&mut self, origin: Origin, text: &[u8]) {
        if let Some(kind) = WordKind::of(text) {
            self.add(origin, kind, text);
        }
    }

    /// Adds the words in the lines of a list, which are from the executable.
    pub(crate) fn add_list(&mut self, list: &[u8]) {
        list.split(|byte| *byte == b'\n').for_each(|word| self.add_text(Origin::Executable, word));
    }

    /// Returns a word of this kind, of each origin with the same probability; `None` if none is known.
    pub(crate) fn pick(&self, random: &mut Random, kind: WordKind) -> Option<&[u8]> {
        let mut stores =
            self.stores.iter().map(|kinds| &kinds[kind as usize]).filter(|words| !words.is_empty());
        let count = stores.clone().count();
        stores.nth(random.below(count))?.pick(random)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picked(learned: &Learned, kind: WordKind) -> Vec<Vec<u8>> {
        let mut random = Random::new(1);
        (0..1000).filter_map(|_| learned.pick(&mut random, kind).map(<[u8]>::to_vec)).collect()
    }

    #[test]
    fn words_are_picked_by_kind() {
        let mut learned = Learned::default();
        assert_eq!(learned.pick(&mut Random::new(1), WordKind::Path), None);
        learned.add_list(b"/qzx/inventory\ndiscount_code\nnot a word\nPURGE\n");
        assert!(picked(&learned, WordKind::Path).iter().all(|word| word == b"/qzx/inventory"));
        assert!(picked(&learned, WordKind::Key).iter().all(|word| word == b"discount_code"));
        assert!(picked(&learned, WordKind::Method).iter().all(|word| word == b"PURGE"));
        assert!(picked(&learned, WordKind::Header).is_empty());
    }

    #[test]
    fn many_words_of_one_origin_leave_room_for_those_of_another() {
        let mut learned = Learned::default();
        (0..5000)
            .for_each(|number| learned.add_text(Origin::Executable, format!("/noise/{number}").as_bytes()));
        learned.add_text(Origin::Answer, b"/orders/17");
        let of_answers =
            picked(&learned, WordKind::Path).iter().filter(|word| *word == b"/orders/17").count();
        assert!((400..600).contains(&of_answers), "{of_answers}");
    }
}
