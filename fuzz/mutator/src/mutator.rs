//! Mutator: makes a child input of a parent input.

use sockfuzz_protocol::InputFormat;

use crate::client_protocol::ClientProtocol;
use crate::dictionary::Dictionary;
use crate::edits::Edits;
use crate::layer::{Layer, LayerStatistics};
use crate::learned::{Learned, Operands};
use crate::operations::{Choice, Mutation, weighted_operations};
use crate::parsed_input::ParsedInput;
use crate::random::Random;
use crate::trim::Trimmer;

const MAX_OPERATIONS_PER_MUTATION: usize = 8;
/// Maximum number of operations that are tried, including those that find nothing to change.
const MAX_ATTEMPTS_PER_MUTATION: usize = 24;
/// Inverse of the probability that a mutation does not repair lengths.
const SKIP_REPAIR_ONE_IN: usize = 8;
/// Inverse of the probability that a mutation may take parts of the other input.
const CROSSOVER_ONE_IN: usize = 3;
/// Inverse of the probability that a crossover parses a new other input.
const NEW_OTHER_ONE_IN: usize = 4;
/// Length beyond which no input grows, in bytes. Executing a larger input costs as much as a hundred small ones.
pub const GROWTH_LIMIT_BYTES: usize = 64 * 1024;

/// Mutator, with its state between calls of AFL++.
pub struct Mutator {
    pub(crate) format: InputFormat,
    random: Random,
    dictionary: Dictionary,
    pub(crate) learned: Learned,
    /// Weighted operations for each protocol, without and with another input.
    operations: [[Choice; 2]; ClientProtocol::ALL.len()],
    layers: LayerStatistics,
    parent: ParsedInput,
    other: ParsedInput,
    edits: Edits,
    output: Vec<u8>,
    /// Layers and names of the last mutation's operations.
    applied: Vec<(Layer, &'static str)>,
    pub(crate) description: Vec<u8>,
    pub(crate) trimmer: Trimmer,
}

impl Mutator {
    /// Creates a mutator. Its mutations depend on the seed and the inputs only.
    #[must_use]
    pub fn new(seed: u64, format: InputFormat, dictionary: Dictionary) -> Self {
        Self {
            format,
            random: Random::new(seed),
            dictionary,
            learned: Learned::default(),
            operations: ClientProtocol::ALL
                .map(|protocol| [false, true].map(|other| weighted_operations(format, protocol, other))),
            layers: LayerStatistics::default(),
            parent: ParsedInput::default(),
            other: ParsedInput::default(),
            edits: Edits::default(),
            output: Vec::new(),
            applied: Vec::new(),
            description: Vec::new(),
            trimmer: Trimmer::default(),
        }
    }

    /// Learns words from comparisons with parts of `parent`.
    pub(crate) fn learn_comparisons(&mut self, operands: &[Operands], parent: &[u8]) {
        if !operands.is_empty() {
            self.parent.parse(parent, self.format);
            self.learned.add_operands(operands, &self.parent.bytes);
        }
    }

    /// Mutates `parent`, optionally with parts of `other`. The result has at most `max_length` bytes. It also has
    /// at most [`GROWTH_LIMIT_BYTES`] or as many bytes as the parent, whichever is more.
    pub fn mutate(&mut self, parent: &[u8], other: &[u8], max_length: usize) -> &[u8] {
        self.parent.parse(parent, self.format);
        let crossover = !other.is_empty() && self.random.one_in(CROSSOVER_ONE_IN);
        if crossover {
            // Parsing an input costs more than a mutation, so each parsed input is used several times.
            if self.other.len() == 0 || self.random.one_in(NEW_OTHER_ONE_IN) {
                self.other.parse(other, self.format);
            }
        }
        self.edits.clear();
        self.applied.clear();
        let mut mutation = Mutation {
            parent: &self.parent,
            other: &self.other,
            random: &mut self.random,
            dictionary: &self.dictionary,
            learned: &self.learned,
            edits: &mut self.edits,
        };
        let protocol = self.parent.protocol();
        let operations = &self.operations[protocol as usize][usize::from(crossover)];
        let mut wanted = 1;
        while wanted < MAX_OPERATIONS_PER_MUTATION && mutation.random.one_in(2) {
            wanted += 1;
        }
        for _ in 0..MAX_ATTEMPTS_PER_MUTATION {
            let layer = match protocol {
                ClientProtocol::Http1 => self.layers.choose(mutation.random),
                ClientProtocol::Http2 | ClientProtocol::Tls => Layer::Protocol,
            };
            let Some(operation) = mutation.random.pick(&operations[layer as usize]) else { continue };
            if (operation.edit)(&mut mutation) {
                self.applied.push((layer, operation.name));
                if self.applied.len() == wanted {
                    break;
                }
            }
        }
        for layer in layers_of(&self.applied) {
            self.layers.count_mutation(layer);
        }
        if !self.random.one_in(SKIP_REPAIR_ONE_IN) {
            self.edits.repair_lengths(&self.parent);
        }
        let max_length = max_length.min(parent.len().max(GROWTH_LIMIT_BYTES));
        self.edits.apply(&self.parent, &self.other, self.format, max_length, &mut self.output);
        &self.output
    }

    /// Whether the last mutation has changed values that an application reads.
    pub(crate) fn has_changed_values(&self) -> bool {
        layers_of(&self.applied).any(|layer| layer == Layer::Application)
    }

    /// Describes the last mutation in at most `max_length` bytes, for the name of the file in which AFL++ keeps it.
    pub fn describe(&mut self, max_length: usize) -> &[u8] {
        for layer in layers_of(&self.applied) {
            self.layers.count_find(layer);
        }
        self.description.clear();
        self.description.extend_from_slice(b"op:http");
        for (_, name) in &self.applied {
            if self.description.len() + 1 + name.len() > max_length {
                break;
            }
            self.description.push(b'-');
            self.description.extend_from_slice(name.as_bytes());
        }
        self.description.truncate(max_length);
        &self.description
    }
}

/// Returns the layers on which a mutation's operations were.
fn layers_of(applied: &[(Layer, &'static str)]) -> impl Iterator<Item = Layer> {
    let has_some = |layer: &Layer| applied.iter().any(|(own, _)| own == layer);
    [Layer::Protocol, Layer::Application].into_iter().filter(has_some)
}
