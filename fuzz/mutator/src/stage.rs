//! Mutations of one input in a row: more of an input whose values lead somewhere.

/// Mutations of an input of which none is kept, about as many as AFL++'s own stages make.
const INITIAL_MUTATIONS: u32 = 512;
/// Largest number of mutations of an input.
const MAX_MUTATIONS: u32 = 32 * INITIAL_MUTATIONS;

/// Custom stage of afl-fuzz, which takes the number of its mutations at its start. A mutation beyond those that are left is
/// empty, which afl-fuzz skips.
#[derive(Debug)]
pub(crate) struct Stage {
    left: u32,
    /// Mutations so far, and those that are left.
    total: u32,
}

impl Default for Stage {
    /// Without a limit, for tools that never ask how many mutations there are.
    fn default() -> Self {
        Self { left: u32::MAX, total: MAX_MUTATIONS }
    }
}

impl Stage {
    /// Begins the mutations of an input, and returns how many there are at most.
    pub(crate) fn begin(&mut self) -> u32 {
        *self = Self { left: INITIAL_MUTATIONS, total: INITIAL_MUTATIONS };
        MAX_MUTATIONS
    }

    /// Counts a mutation. Returns whether it is to be made.
    pub(crate) fn proceed(&mut self) -> bool {
        let more = self.left.checked_sub(1);
        self.left = more.unwrap_or_default();
        more.is_some()
    }

    /// Doubles the mutations of the input, after one that afl-fuzz keeps and that has changed values of the application: few
    /// other inputs reach the code that reads them. (The syntax of HTTP is read in every input, so the next one does as well.)
    pub(crate) fn extend(&mut self) {
        if self.total < MAX_MUTATIONS {
            self.left += self.total;
            self.total *= 2;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the number of mutations of an input of which the first `kept` are kept.
    fn mutations(kept: u32) -> u32 {
        let mut stage = Stage::default();
        let offered = stage.begin();
        let mut made = 0;
        for _ in 0..offered {
            if stage.proceed() {
                made += 1;
                if made <= kept {
                    stage.extend();
                }
            }
        }
        made
    }

    #[test]
    fn inputs_with_finds_are_mutated_more() {
        assert_eq!(mutations(0), INITIAL_MUTATIONS);
        assert_eq!(mutations(1), 2 * INITIAL_MUTATIONS);
        assert_eq!(mutations(100), MAX_MUTATIONS);
    }
}
