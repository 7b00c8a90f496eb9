//! Allocation: one amount is spread over lines, such as a tax or a discount over what it was taken from. Pure.

use std::cmp::Reverse;

/// Spreads `total_minor` over lines in proportion to `weights`, by the method of the largest remainder (Hamilton): each
/// part is the exact one rounded down, and what is left goes, one minor unit each, to the parts that lost most; among
/// equals to the earlier. The parts add up to the total exactly.
///
/// - A negative total is spread as the positive one, negated: a credit note mirrors its invoice.
/// - Only the size of a weight counts, not its sign. Lines of which some charge and some give back are two groups, each
///   with a total of its own: where they nearly cancel out, a common proportion would have no bound.
/// - A weight of zero gets nothing, unless all are zero: then all get alike. Without lines there are no parts.
pub fn spread(total_minor: i64, weights: &[i64]) -> Vec<i64> {
    // The product of two i64 fits an i128, and so does the sum of all weights.
    let (total, sign) = (i128::from(total_minor).abs(), i128::from(total_minor.signum()));
    let all_zero = weights.iter().all(|weight| *weight == 0);
    let sizes: Vec<i128> = weights.iter().map(|weight| if all_zero { 1 } else { i128::from(*weight).abs() }).collect();
    let whole: i128 = sizes.iter().sum();
    let mut parts: Vec<i128> = sizes.iter().map(|size| total * size / whole).collect();
    let left = total - parts.iter().sum::<i128>();
    let mut lines: Vec<usize> = (0..parts.len()).collect();
    lines.sort_by_key(|line| Reverse(total * sizes[*line] % whole));
    for (line, _) in lines.into_iter().zip(0..left) {
        parts[line] += 1;
    }
    // No part is larger than the total.
    parts.into_iter().map(|part| (sign * part) as i64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SplitMix64 (Steele, Lea, Flood 2014): the same numbers on every run.
    struct Numbers(u64);

    impl Numbers {
        fn next(&mut self) -> u64 {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            mixed ^ (mixed >> 31)
        }

        /// Small ones as often as large ones.
        fn signed(&mut self) -> i64 {
            let shift = self.next() % 64;
            self.next().cast_signed() >> shift
        }

        /// A total and up to twelve weights, some of which are zero.
        fn case(&mut self) -> (i64, Vec<i64>) {
            let lines = 1 + self.next() % 12;
            let weights = (0..lines).map(|_| if self.next().is_multiple_of(8) { 0 } else { self.signed() }).collect();
            (self.signed(), weights)
        }
    }

    fn cases() -> impl Iterator<Item = (i64, Vec<i64>)> {
        let mut numbers = Numbers(1);
        (0..20_000).map(move |_| numbers.case())
    }

    fn sum(parts: &[i64]) -> i128 {
        parts.iter().map(|part| i128::from(*part)).sum()
    }

    #[test]
    fn what_is_left_goes_to_the_largest_remainders() {
        for (total, weights, parts) in [
            (100, vec![1, 1, 1], vec![34, 33, 33]),
            (101, vec![1, 1, 1], vec![34, 34, 33]),
            // 0.5, 1.5, 8: a tie, and the earlier gets it.
            (10, vec![1, 3, 16], vec![1, 1, 8]),
            // 1.9, 4.75, 12.35
            (19, vec![1_000, 2_500, 6_500], vec![2, 5, 12]),
            (5, vec![0, 7, 0], vec![0, 5, 0]),
            (1, vec![0, 1, 1], vec![0, 1, 0]),
            (0, vec![3, 4], vec![0, 0]),
            (7, vec![2], vec![7]),
        ] {
            assert_eq!(spread(total, &weights), parts, "{total} over {weights:?}");
        }
    }

    #[test]
    fn weights_of_zero_alone_share_alike_and_no_lines_have_no_parts() {
        assert_eq!(spread(5, &[0, 0, 0]), [2, 2, 1]);
        assert_eq!(spread(-5, &[0, 0]), [-3, -2]);
        assert!(spread(5, &[]).is_empty());
    }

    #[test]
    fn the_largest_numbers_fit() {
        assert_eq!(spread(i64::MIN, &[i64::MIN]), [i64::MIN]);
        assert_eq!(spread(i64::MAX, &[i64::MAX, i64::MAX]), [i64::MAX / 2 + 1, i64::MAX / 2]);
        assert_eq!(sum(&spread(i64::MIN, &[i64::MAX; 1_000])), i64::MIN.into());
    }

    #[test]
    fn parts_add_up_to_the_total() {
        for (total, weights) in cases() {
            assert_eq!(sum(&spread(total, &weights)), total.into(), "{total} over {weights:?}");
        }
    }

    #[test]
    fn no_part_is_a_whole_unit_away_from_the_exact_one() {
        for (total, weights) in cases().filter(|(_, weights)| weights.iter().any(|weight| *weight != 0)) {
            let whole: i128 = weights.iter().map(|weight| i128::from(*weight).abs()).sum();
            for (part, weight) in spread(total, &weights).into_iter().zip(&weights) {
                let exact = i128::from(total) * i128::from(*weight).abs();
                let away = exact.abs_diff(i128::from(part) * whole);
                assert!(away < whole.unsigned_abs(), "{part} of {total} over {weights:?}");
                assert!(*weight != 0 || part == 0, "{total} over {weights:?}");
            }
        }
    }

    #[test]
    fn a_negative_total_mirrors_the_positive_one() {
        for (total, weights) in cases().filter(|(total, _)| *total != i64::MIN) {
            let mirrored: Vec<_> = spread(-total, &weights).into_iter().map(|part| -part).collect();
            assert_eq!(mirrored, spread(total, &weights), "{total} over {weights:?}");
        }
    }

    #[test]
    fn of_two_lines_the_heavier_gets_no_less() {
        for (total, weights) in cases() {
            let parts = spread(total, &weights);
            let mut by_weight: Vec<_> = weights.iter().map(|weight| weight.unsigned_abs()).zip(&parts).collect();
            by_weight.sort_by_key(|(weight, part)| (*weight, part.unsigned_abs()));
            assert!(by_weight.is_sorted_by_key(|(_, part)| part.unsigned_abs()), "{total} over {weights:?}");
        }
    }
}
