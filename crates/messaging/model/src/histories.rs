//! What the checker found, as tests look at it and people read it.

use stateright::{Checker, Model};
use std::{fmt::Debug, hash::Hash};

/// No naive protocol holds out for longer.
const DEEPEST: usize = 20;

/// The shortest history in which a protocol breaks `property`, printed. The checker itself remembers the last one that
/// it found of some length, so it is given one step more at a time.
#[expect(clippy::print_stdout, reason = "the counter-example is what the test is for")]
pub fn counter_example<M>(model: impl Fn() -> M, protocol: &impl Debug, property: &'static str) -> Vec<M::Action>
where
    M: Model + Send + Sync + 'static,
    M::State: Hash + Send + Sync + Debug + Clone + PartialEq + 'static,
    M::Action: Send + Debug + Clone + PartialEq,
{
    let found = (2..DEEPEST).find_map(|depth| {
        let checker = model().checker().target_max_depth(depth).spawn_bfs().join();
        checker.discovery(property).map(|path| path.into_actions())
    });
    let actions = found.unwrap_or_else(|| panic!("{protocol:?} keeps '{property}' in every history"));
    println!("{protocol:?} breaks '{property}' after {} steps:", actions.len());
    for (step, action) in actions.iter().enumerate() {
        println!("  {}. {action:?}", step + 1);
    }
    actions
}

/// Walks through every history, and says how many states there were.
#[expect(clippy::print_stdout, reason = "how much was checked is part of the proof")]
pub fn assert_safe<M>(model: M)
where
    M: Model + Send + Sync + 'static,
    M::State: Hash + Send + Sync + Debug + Clone + PartialEq + 'static,
    M::Action: Send + Debug + Clone + PartialEq,
{
    let checker = model.checker().threads(2).spawn_bfs().join();
    println!("{} states checked", checker.unique_state_count());
    checker.assert_properties();
}
