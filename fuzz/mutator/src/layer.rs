//! Layers of an input, and how often each is mutated: as often as mutations of it have found something.

use crate::random::Random;

/// Layer of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layer {
    /// Syntax of HTTP, packets and connections.
    Protocol,
    /// Values that an application reads.
    Application,
}

impl Layer {
    pub(crate) const COUNT: usize = 2;
}

/// Number of mutations of a layer at which the older ones count half.
const MEMORY: u32 = 1 << 16;
/// Bounds of the frequency of mutations of the application's layer: what a layer will still find cannot be known.
const FREQUENCY_BOUNDS: (f64, f64) = (0.15, 0.75);

/// Mutations and finds by layer.
#[derive(Debug)]
pub(crate) struct LayerStatistics([Count; Layer::COUNT]);

#[derive(Debug, Clone, Copy)]
struct Count {
    mutations: u32,
    finds: f64,
}

impl Default for LayerStatistics {
    /// As if four mutations had found something, one of them on the application's layer.
    fn default() -> Self {
        Self([3.0, 1.0].map(|finds| Count { mutations: 1 << 10, finds }))
    }
}

impl LayerStatistics {
    /// Chooses a layer.
    pub(crate) fn choose(&self, random: &mut Random) -> Layer {
        let [protocol, application] = self.0.map(|count| count.finds / f64::from(count.mutations));
        let (lowest, highest) = FREQUENCY_BOUNDS;
        let frequency = (application / (protocol + application)).clamp(lowest, highest);
        if random.fraction() < frequency { Layer::Application } else { Layer::Protocol }
    }

    /// Counts a mutation of a layer.
    pub(crate) fn count_mutation(&mut self, layer: Layer) {
        let count = &mut self.0[layer as usize];
        count.mutations += 1;
        if count.mutations == MEMORY {
            *count = Count { mutations: MEMORY / 2, finds: count.finds / 2.0 };
        }
    }

    /// Counts a mutation of a layer that AFL++ has kept.
    pub(crate) fn count_find(&mut self, layer: Layer) {
        self.0[layer as usize].finds += 1.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Simulates a campaign, and returns the share of mutations on the application's layer. Of `protocol` mutations on the
    /// protocol's layer one finds something, and of `application` mutations on the application's.
    fn frequency(protocol: usize, application: usize) -> f64 {
        let (mut statistics, mut random) = (LayerStatistics::default(), Random::new(1));
        let mut chosen = 0;
        for _ in 0..200_000 {
            let layer = statistics.choose(&mut random);
            statistics.count_mutation(layer);
            let one_in = if layer == Layer::Protocol { protocol } else { application };
            if random.one_in(one_in) {
                statistics.count_find(layer);
            }
            chosen += usize::from(layer == Layer::Application);
        }
        chosen as f64 / 200_000.0
    }

    #[test]
    fn layers_are_chosen_by_their_finds() {
        assert!((0.4..0.6).contains(&frequency(1000, 1000)));
        assert!((0.7..0.8).contains(&frequency(2000, 100)));
        assert!((0.1..0.2).contains(&frequency(100, 2000)));
    }
}
