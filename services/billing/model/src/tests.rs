//! Every history of each protocol; the naive ones print the shortest in which they fail.

use super::*;
use stateright::Checker;

/// No naive protocol holds out for longer.
const DEEPEST: usize = 20;

/// The shortest history in which the protocol breaks `property`. The checker itself remembers the last one that it
/// found of some length, so it is given one step more at a time.
#[expect(clippy::print_stdout, reason = "the counter-example is what the test is for")]
fn counter_example(protocol: Protocol, property: &'static str) -> Vec<Action> {
    let found = (2..DEEPEST).find_map(|depth| {
        let checker = Close(protocol).checker().target_max_depth(depth).spawn_bfs().join();
        checker.discovery(property).map(|path| path.into_actions())
    });
    let actions = found.unwrap_or_else(|| panic!("{protocol:?} keeps '{property}' in every history"));
    println!("{protocol:?} breaks '{property}' after {} steps:", actions.len());
    for (step, action) in actions.iter().enumerate() {
        println!("  {}. {action:?}", step + 1);
    }
    actions
}

fn commits_after_events_are_taken(history: &[Action]) -> bool {
    let taken = history.iter().position(|step| matches!(step, Action::CloserTakesEvents { .. }));
    let committed = history.iter().rposition(|step| matches!(step, Action::WriterCommits { .. }));
    taken.is_some() && taken < committed
}

#[test]
fn without_the_lock_an_event_that_commits_late_falls_between_two_invoices() {
    let history = counter_example(Protocol::NumbersUnlocked, BILLED);
    assert!(commits_after_events_are_taken(&history), "{history:?}");
}

#[test]
fn a_bound_by_received_time_loses_what_was_received_first_and_inserted_last() {
    let history = counter_example(Protocol::ReceivedTime, BILLED);
    assert!(commits_after_events_are_taken(&history), "{history:?}");
}

#[test]
fn a_cut_that_is_written_again_changes_what_an_invoice_was_made_of() {
    let history = counter_example(Protocol::CutAgain, EXPLAINED);
    let cuts = history.iter().filter(|step| matches!(step, Action::CloserCommitsTheCut { .. }));
    assert_eq!(cuts.count(), 2, "{history:?}");
}

#[test]
#[expect(clippy::print_stdout, reason = "how much was checked is part of the proof")]
fn ours_bills_every_event_once_in_every_history() {
    let checker = Close(Protocol::Numbers).checker().threads(2).spawn_bfs().join();
    println!("{} states checked", checker.unique_state_count());
    checker.assert_properties();
}
