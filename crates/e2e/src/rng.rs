//! Seeded random numbers: the same again for the same seed.

use std::{
    hash::{BuildHasher, RandomState},
    time::Duration,
};

/// SplitMix64 (<https://prng.di.unimi.it/splitmix64.c>): order and pauses need no more.
pub struct Rng(u64);

impl Rng {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A seed that nobody has chosen.
    pub fn any_seed() -> u64 {
        RandomState::new().hash_one(0)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    pub fn millis(&mut self, from: u64, to: u64) -> Duration {
        Duration::from_millis(from + self.next() % (to - from))
    }

    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_tells_the_same_story_again() {
        let order = |seed| {
            let (mut rng, mut items) = (Rng::new(seed), [1, 2, 3, 4, 5]);
            rng.shuffle(&mut items);
            (items, rng.millis(10, 20))
        };
        assert_eq!(order(7), order(7));
        let mut sorted = order(7).0;
        sorted.sort_unstable();
        assert_eq!(sorted, [1, 2, 3, 4, 5]);
        assert!(order(7).1 >= Duration::from_millis(10) && order(7).1 < Duration::from_millis(20));
    }
}
