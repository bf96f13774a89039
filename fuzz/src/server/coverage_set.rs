//! Set of what inputs reach: edges, and for each the powers of two of how often an input passes it, as AFL++ has them.

/// Number of the classes of counts.
const CLASSES: u32 = u8::BITS;

/// Coverage of inputs that ran.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CoverageSet {
    /// For each edge, a bit for each class of counts.
    classes: Vec<u8>,
    /// Edges that were reached.
    pub edges: u64,
    /// Pairs of an edge and a class of counts.
    pub features: u64,
}

/// What an input adds to a set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct NewCoverage {
    /// New edges.
    pub edges: u64,
    /// New pairs of an edge and a class of counts.
    pub features: u64,
}

impl CoverageSet {
    /// Whether the set has the pair of this number ([`pairs`]).
    #[must_use]
    pub fn has(&self, pair: u32) -> bool {
        self.classes.get((pair / CLASSES) as usize).is_some_and(|known| known & 1 << (pair % CLASSES) != 0)
    }

    /// Adds the coverage of an input: how often it passes each edge.
    pub fn add(&mut self, counts: &[u8]) -> NewCoverage {
        if self.classes.len() < counts.len() {
            self.classes.resize(counts.len(), 0);
        }
        let mut new = NewCoverage::default();
        for (known, &count) in self.classes.iter_mut().zip(counts).filter(|(_, count)| **count > 0) {
            let class = 1 << class(count);
            new.edges += u64::from(*known == 0);
            new.features += u64::from(*known & class == 0);
            *known |= class;
        }
        self.edges += new.edges;
        self.features += new.features;
        new
    }
}

/// Returns the numbers of the pairs of an edge and a class of counts that an input reached, in ascending order. `counts` is
/// how often it passes each edge.
pub fn pairs(counts: &[u8]) -> impl Iterator<Item = u32> {
    let passed = (0_u32..).zip(counts).filter(|(_, count)| **count > 0);
    passed.map(|(edge, &count)| edge * CLASSES + class(count))
}

/// Returns the number of the class of a count above 0: that of 1, 2, 3, 4 to 7, 8 to 15, 16 to 31, 32 to 127, and more (AFL++'s
/// docs/afl-fuzz_approach.md).
fn class(count: u8) -> u32 {
    match count {
        0 | 1 => 0,
        2 => 1,
        3 => 2,
        4..=7 => 3,
        8..=15 => 4,
        16..=31 => 5,
        32..=127 => 6,
        128..=u8::MAX => 7,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_and_classes_of_counts_are_new_once() {
        let mut set = CoverageSet::default();
        assert_eq!(set.add(&[0, 1, 5]), NewCoverage { edges: 2, features: 2 });
        assert_eq!(set.add(&[0, 1, 7]), NewCoverage::default());
        assert_eq!(set.add(&[0, 2, 0, 1]), NewCoverage { edges: 1, features: 2 });
        assert_eq!((set.edges, set.features), (3, 4));
        assert_eq!(pairs(&[0, 2, 0, 1]).collect::<Vec<_>>(), [9, 24]);
        assert!(set.has(9) && set.has(24) && !set.has(10) && !set.has(1000));
    }
}
