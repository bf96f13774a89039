//! Bounded store of words without duplicates.

use std::collections::HashSet;
use std::rc::Rc;

use crate::random::Random;

/// Largest number of words in a store.
const MAX_WORDS: usize = 1024;
/// Length of the longest word, in bytes.
const MAX_WORD_BYTES: usize = 256;

/// Words of one kind and origin. A new word takes the place of the oldest one when the store is full.
#[derive(Debug, Default)]
pub(super) struct WordStore {
    list: Vec<Rc<[u8]>>,
    known: HashSet<Rc<[u8]>>,
    /// Index of the oldest word of a full store.
    oldest: usize,
}

impl WordStore {
    /// Adds a word, unless it is empty, too long, or in the store.
    pub(super) fn add(&mut self, word: &[u8]) {
        if word.is_empty() || word.len() > MAX_WORD_BYTES || self.known.contains(word) {
            return;
        }
        let word: Rc<[u8]> = word.into();
        self.known.insert(Rc::clone(&word));
        if self.list.len() < MAX_WORDS {
            return self.list.push(word);
        }
        self.known.remove(&std::mem::replace(&mut self.list[self.oldest], word));
        self.oldest = (self.oldest + 1) % MAX_WORDS;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Returns a random word.
    pub(super) fn pick(&self, random: &mut Random) -> Option<&[u8]> {
        self.list.get(random.below(self.list.len())).map(|word| &**word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_words_make_room() {
        let mut words = WordStore::default();
        let number = |number: usize| number.to_string().into_bytes();
        (0..MAX_WORDS + 10).chain(MAX_WORDS..MAX_WORDS + 10).for_each(|new| words.add(&number(new)));
        assert_eq!((words.list.len(), words.known.len()), (MAX_WORDS, MAX_WORDS));
        assert!(!words.known.contains(&number(9)[..]) && words.known.contains(&number(10)[..]));
        assert!(words.list.iter().all(|word| words.known.contains(word)));
    }

    #[test]
    fn words_without_use_are_left_out() {
        let mut words = WordStore::default();
        words.add(b"");
        words.add(&[b'a'; MAX_WORD_BYTES + 1]);
        assert!(words.is_empty());
        (0..3).for_each(|_| words.add(b"a"));
        assert_eq!(words.list.len(), 1);
    }
}
