//! Choice of few inputs that reach all that many inputs reach, as AFL++'s afl-cmin makes it: for each pair of an edge and a class
//! of counts, the first input in the order of preference is a candidate; beginning with the pair that the fewest inputs reach, the candidate
//! of each pair that no chosen input reaches is chosen.

use std::cmp::Reverse;
use std::collections::HashMap;

use crate::server::coverage_set::CoverageSet;

/// Inputs that have run, by what they reached. Only what the candidates reached is kept.
#[derive(Debug, Default)]
pub struct MinimalSet {
    /// What need not be reached.
    base: CoverageSet,
    /// By the number of the pair.
    pairs: Vec<PairUse>,
    candidates: HashMap<u32, PairCandidate>,
}

/// Inputs that reach a pair.
#[derive(Debug, Clone, Copy, Default)]
struct PairUse {
    inputs: u32,
    /// Rank of the candidate.
    candidate: u32,
}

/// Input that is the candidate of at least one pair.
#[derive(Debug)]
struct PairCandidate {
    reached: Vec<u32>,
    /// Number of the pairs whose candidate it is.
    pairs: u32,
}

impl MinimalSet {
    /// Creates an empty set. What is in `base` is reached by others.
    #[must_use]
    pub fn new(base: CoverageSet) -> Self {
        Self { base, ..Self::default() }
    }

    /// Adds an input with this rank, which no other has and of which lower ones are preferred, and the numbers of the pairs that it
    /// reached. The order of the calls does not matter.
    pub fn add(&mut self, rank: u32, mut reached: Vec<u32>) {
        reached.retain(|pair| !self.base.has(*pair));
        let end = reached.iter().max().map_or(0, |last| *last as usize + 1);
        if self.pairs.len() < end {
            self.pairs.resize(end, PairUse::default());
        }
        let mut won = 0;
        for pair in &reached {
            let it = &mut self.pairs[*pair as usize];
            it.inputs += 1;
            if it.inputs > 1 && it.candidate < rank {
                continue;
            }
            won += 1;
            let earlier = std::mem::replace(&mut it.candidate, rank);
            if it.inputs > 1
                && let Some(candidate) = self.candidates.get_mut(&earlier)
            {
                candidate.pairs -= 1;
                if candidate.pairs == 0 {
                    self.candidates.remove(&earlier);
                }
            }
        }
        if won > 0 {
            self.candidates.insert(rank, PairCandidate { reached, pairs: won });
        }
    }

    /// Returns the ranks of the chosen inputs, in ascending order.
    #[must_use]
    pub fn chosen(&self) -> Vec<u32> {
        let reached = (0_u32..).zip(&self.pairs).filter(|(_, it)| it.inputs > 0);
        let mut pairs: Vec<_> = reached.map(|(number, it)| (it.inputs, it.candidate, number)).collect();
        // Of pairs that are equally rare, that of the worst candidate comes first: it may reach those of the others, too.
        pairs.sort_unstable_by_key(|&(inputs, candidate, number)| (inputs, Reverse(candidate), number));
        let mut is_covered = vec![false; self.pairs.len()];
        let mut chosen = Vec::new();
        for (_, candidate, pair) in pairs {
            if !is_covered[pair as usize] {
                chosen.push(candidate);
                self.candidates[&candidate].reached.iter().for_each(|pair| is_covered[*pair as usize] = true);
            }
        }
        chosen.sort_unstable();
        chosen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(inputs: &[(u32, &[u32])]) -> Vec<u32> {
        let mut set = MinimalSet::default();
        inputs.iter().for_each(|(rank, reached)| set.add(*rank, reached.to_vec()));
        set.chosen()
    }

    #[test]
    fn the_preferred_input_of_equals_is_chosen() {
        assert_eq!(chosen(&[(1, &[8, 9]), (0, &[8, 9]), (2, &[9])]), [0]);
    }

    #[test]
    fn the_candidate_of_the_rarest_pair_spares_those_of_its_others() {
        assert_eq!(chosen(&[(0, &[1]), (1, &[2]), (2, &[1, 2, 3])]), [2]);
    }

    #[test]
    fn the_chosen_reach_all_pairs_in_any_order() {
        let mut inputs: Vec<(u32, Vec<u32>)> = (0..200_u32)
            .map(|rank| (rank, (0..20).map(|n| (rank * 7919 + n * n * 31) % 997).collect()))
            .collect();
        inputs.iter_mut().for_each(|(_, reached)| {
            reached.sort_unstable();
            reached.dedup();
        });
        let borrow = |inputs: &[(u32, Vec<u32>)]| {
            chosen(&inputs.iter().map(|(rank, reached)| (*rank, &reached[..])).collect::<Vec<_>>())
        };
        let forwards = borrow(&inputs);
        let pairs = |ranks: &mut dyn Iterator<Item = u32>| {
            let mut all: Vec<u32> = ranks.flat_map(|rank| inputs[rank as usize].1.clone()).collect();
            all.sort_unstable();
            all.dedup();
            all
        };
        assert_eq!(pairs(&mut forwards.iter().copied()), pairs(&mut (0..200)));
        assert!(forwards.len() < 200, "{}", forwards.len());
        let backwards: Vec<_> = inputs.iter().rev().cloned().collect();
        assert_eq!(borrow(&backwards), forwards);
    }

    #[test]
    fn what_others_reach_need_not_be_reached() {
        let mut base = CoverageSet::default();
        base.add(&[0, 1]);
        let mut set = MinimalSet::new(base);
        set.add(0, vec![8]);
        set.add(1, vec![8, 9]);
        assert_eq!(set.chosen(), [1]);
    }
}
