//! One mutator, as AFL++ asks for it: parent in, child out.

use sockfuzz_protocol::InputFormat;

use crate::dictionary::Dictionary;
use crate::edits::Edits;
use crate::operations::{Draft, Operation, wheel};
use crate::parsed_input::ParsedInput;
use crate::random::Random;
use crate::trim::Trimmer;

/// Operations of one mutation at most.
const MOST_OPERATIONS: usize = 8;
/// Operations that may find nothing to do before the mutation is what it is.
const MOST_ATTEMPTS: usize = 24;
/// One time in so many, lengths are left as they were.
const NO_REPAIR: usize = 8;
/// One time in so many, the other input is looked at.
const CROSSING: usize = 3;
/// One time in so many of those, it is a new one.
const FRESH: usize = 4;
/// Bytes beyond which no input grows: each execution of a large one costs as much as those of a hundred others.
pub const LARGE: usize = 64 * 1024;

/// The state between AFL++'s calls.
pub struct Mutator {
    pub(crate) input: InputFormat,
    random: Random,
    dictionary: Dictionary,
    /// Operations for HTTP/1 and HTTP/2, of each without another input, and with one.
    wheels: [[Vec<Operation>; 2]; 2],
    parent: ParsedInput,
    other: ParsedInput,
    edits: Edits,
    output: Vec<u8>,
    /// Names of what was done last.
    done: Vec<&'static str>,
    pub(crate) description: Vec<u8>,
    pub(crate) trimmer: Trimmer,
}

impl Mutator {
    /// One that makes the same of the same inputs each time.
    #[must_use]
    pub fn new(seed: u64, input: InputFormat, dictionary: Dictionary) -> Self {
        Self {
            input,
            random: Random::new(seed),
            dictionary,
            wheels: [false, true].map(|framed| [false, true].map(|other| wheel(input, framed, other))),
            parent: ParsedInput::default(),
            other: ParsedInput::default(),
            edits: Edits::default(),
            output: Vec::new(),
            done: Vec::new(),
            description: Vec::new(),
            trimmer: Trimmer::default(),
        }
    }

    /// A mutation of `parent`, which may take from `other`, of at most `most` bytes, and none that is
    /// [`LARGE`] and larger than its parent.
    pub fn mutate(&mut self, parent: &[u8], other: &[u8], most: usize) -> &[u8] {
        self.parent.parse(parent, self.input);
        let crosses = !other.is_empty() && self.random.one_in(CROSSING);
        if crosses {
            // Understanding one costs more than a mutation does: each is used several times.
            if self.other.len() == 0 || self.random.one_in(FRESH) {
                self.other.parse(other, self.input);
            }
        }
        self.edits.clear();
        self.done.clear();
        let mut draft = Draft {
            parent: &self.parent,
            other: &self.other,
            random: &mut self.random,
            dictionary: &self.dictionary,
            edits: &mut self.edits,
        };
        let framed = !self.parent.http2_ranges.is_empty();
        let wheel = &self.wheels[usize::from(framed)][usize::from(crosses)];
        let mut wanted = 1;
        while wanted < MOST_OPERATIONS && draft.random.one_in(2) {
            wanted += 1;
        }
        for _ in 0..MOST_ATTEMPTS {
            let operation = wheel[draft.random.below(wheel.len())];
            if (operation.edit)(&mut draft) {
                self.done.push(operation.name);
                if self.done.len() == wanted {
                    break;
                }
            }
        }
        if !self.random.one_in(NO_REPAIR) {
            self.edits.repair(&self.parent);
        }
        let most = most.min(parent.len().max(LARGE));
        self.edits.apply(&self.parent, &self.other, self.input, most, &mut self.output);
        &self.output
    }

    /// What the last mutation did, for a file name of at most `most` bytes.
    pub fn describe(&mut self, most: usize) -> &[u8] {
        self.description.clear();
        self.description.extend_from_slice(b"op:http");
        for name in &self.done {
            if self.description.len() + 1 + name.len() > most {
                break;
            }
            self.description.push(b'-');
            self.description.extend_from_slice(name.as_bytes());
        }
        self.description.truncate(most);
        &self.description
    }
}
