use super::*;
use std::collections::HashMap;

fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + second, 0).unwrap()
}

fn span(from: i64, until: i64) -> Span {
    Span { from: at(from), until: at(until) }
}

/// Cycles of 10 s, cut at these numbers.
fn windows(cuts: &[i64]) -> Vec<Window> {
    let before = [0].iter().chain(cuts);
    let cycles = (0..).zip(before.zip(cuts));
    cycles
        .map(|(n, (after, until))| Window { cycle: span(n * 10, n * 10 + 10), after_seq: *after, until_seq: *until })
        .collect()
}

const FORUM: &str = "forum";

#[test]
fn each_event_is_taken_once_whenever_it_came_and_whenever_it_was() {
    let windows = windows(&[3, 3, 7, 12]);
    for seq in 1..=12 {
        for second in -5..40 {
            let takers = windows.iter().filter(|window| window.takes(seq, at(second)));
            let cut_after = windows.iter().any(|window| seq <= window.until_seq && at(second) < window.cycle.until);
            assert_eq!(takers.count(), usize::from(cut_after), "{seq} at {second}");
        }
    }
}

#[test]
fn areas_hold_exactly_what_their_window_takes_and_none_meets_another() {
    let terms = HashMap::from([(
        FORUM.to_owned(),
        vec![
            Span { from: Span::ALWAYS.from, ..span(0, 4) },
            span(4, 17),
            Span { until: Span::ALWAYS.until, ..span(17, 18) },
        ],
    )]);
    let mut all: Vec<Area> = Vec::new();
    for (number, window) in windows(&[3, 3, 7, 12]).into_iter().enumerate() {
        let earlier = windows(&[3, 3, 7, 12]).iter().take(number).map(|window| window.cycle).collect();
        let areas = Areas::new(window, Periods::new(earlier, window.cycle), terms.clone());
        let mut mine: Vec<Area> = Vec::new();
        for seq in 1..=12 {
            for second in (-5..40).filter(|second| window.takes(seq, at(*second))) {
                let area = areas.of(FORUM, seq, at(second));
                assert!(area.seqs.0 <= seq && seq <= area.seqs.1 && area.times.contains(at(second)), "{area:?}");
                mine.push(area);
            }
        }
        mine.sort();
        mine.dedup();
        for area in &mine {
            let inside = |seq, second| area.seqs.0 <= seq && seq <= area.seqs.1 && area.times.contains(at(second));
            let foreign = (1..=12).flat_map(|seq| (-5..40).map(move |second| (seq, second)));
            let mut foreign = foreign.filter(|(seq, second)| inside(*seq, *second) && !window.takes(*seq, at(*second)));
            assert_eq!(foreign.next(), None, "{area:?} of {window:?}");
        }
        all.extend(mine);
    }
    for (one, area) in all.iter().enumerate() {
        let meets = |other: &Area| {
            area.seqs.0 <= other.seqs.1
                && other.seqs.0 <= area.seqs.1
                && area.times.from < other.times.until
                && other.times.from < area.times.until
        };
        assert!(!all[one + 1..].iter().any(meets), "{area:?}");
    }
}

#[test]
fn what_is_late_belongs_to_the_cycle_of_its_time_and_what_is_older_to_the_first() {
    let cycles = windows(&[3, 7]);
    let areas = Areas::new(cycles[1], Periods::new(vec![cycles[0].cycle], cycles[1].cycle), HashMap::new());
    let late = areas.of(FORUM, 5, at(3));
    assert_eq!((late.period, late.times.from, late.times.until), (span(0, 10), Span::ALWAYS.from, at(10)));
    assert_eq!(areas.of(FORUM, 5, at(-100)), late);
    let timely = areas.of(FORUM, 5, at(13));
    assert_eq!((timely.period, timely.times, timely.seqs), (span(10, 20), span(10, 20), (4, 7)));
    assert_eq!(areas.of(FORUM, 2, at(13)).seqs, (1, 3));
}
