//! Rows drawn at random, without replacement.

use std::collections::HashSet;

use ndfolio_kernel::SplitMix64;

use crate::{Array, Error, Picks, Result};

/// `count` different numbers below `size` in random order: every choice and every order is as likely as any other, up
/// to the 2⁶⁴ seeds that there are. The same seed gives the same numbers on every machine and in every version.
///
/// Floyd's algorithm with SplitMix64 chooses, Fisher and Yates' shuffle orders. Cost: the memory of about three times
/// the numbers, whatever `size` is.
///
/// ```
/// assert_eq!(ndfolio::sample_indices(3, 1_000_000_000_000, 7), [900_760_680_606, 389_829_748_390, 16_788_294_528]);
/// ```
///
/// # Panics
/// If `count` is more than `size`.
#[must_use]
pub fn sample_indices(count: usize, size: usize, seed: u64) -> Vec<i64> {
    assert!(count <= size, "{count} different numbers below {size}");
    let mut random = SplitMix64::new(seed);
    let (mut chosen, mut numbers) = (HashSet::with_capacity(count), Vec::with_capacity(count));
    for last in size - count..size {
        let number = random.below(last as u64 + 1) as usize;
        let number = if chosen.insert(number) { number } else { last };
        chosen.insert(number);
        numbers.push(number as i64);
    }
    random.shuffle(&mut numbers);
    numbers
}

impl Array {
    /// `count` different rows in random order, as [`sample_indices`] draws their numbers.
    ///
    /// # Errors
    /// More rows than there are, an array without axes.
    pub fn sample(&self, count: usize, seed: u64) -> Result<Picks<'_>> {
        let rows = self.shape().first().copied().unwrap_or(0);
        if count > rows {
            let reason =
                format!("{count} different rows were to be drawn, and there are {rows}; ask for fewer");
            return Err(Error::Usage { path: self.place().to_owned(), reason });
        }
        self.take(sample_indices(count, rows, seed), Some(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_different_and_each_is_as_likely() {
        let mut counts = [0_u32; 10];
        let mut firsts = [0_u32; 10];
        for seed in 0..20_000 {
            let numbers = sample_indices(3, 10, seed);
            assert!(numbers[0] != numbers[1] && numbers[1] != numbers[2] && numbers[0] != numbers[2]);
            numbers.iter().for_each(|&number| counts[number as usize] += 1);
            firsts[numbers[0] as usize] += 1;
        }
        // Six standard deviations.
        assert!(counts.iter().all(|&count| count.abs_diff(6000) < 400), "{counts:?}");
        assert!(firsts.iter().all(|&count| count.abs_diff(2000) < 260), "{firsts:?}");
        let mut all = sample_indices(1000, 1000, 3);
        all.sort_unstable();
        assert!(all.into_iter().eq(0..1000));
        assert!(sample_indices(0, 0, 1).is_empty());
    }
}
