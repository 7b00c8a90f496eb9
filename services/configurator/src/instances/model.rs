//! The state machine of an instance. Which step is legal in which state? What is not listed here is refused.

use chrono::TimeDelta;
pub use contracts::http::instances::InstanceState;
use contracts::jobs::{Job, MigrateInstance, SeedInstance};

/// What moves an instance on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The host is proved.
    Proved,
    /// A provisioner takes it in hand.
    Claim,
    /// Its database and roles are there.
    Provisioned,
    /// The setup form was taken.
    SetUp,
    Migrated,
    Seeded,
    /// Nobody wants it any more.
    Cancel,
    /// Its database and roles are gone.
    Dropped,
}

/// How a failed step is done again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Redo {
    /// The provisioner's part.
    Provision,
    /// The job that the state waits for.
    Job,
}

/// The state after `step`; `None` if the step is not legal here.
pub fn after(state: InstanceState, step: Step) -> Option<InstanceState> {
    match (state, step) {
        (InstanceState::AwaitingProof, Step::Proved) => Some(InstanceState::Requested),
        (InstanceState::Requested | InstanceState::Provisioning, Step::Claim) => Some(InstanceState::Provisioning),
        (InstanceState::Provisioning, Step::Provisioned) => Some(InstanceState::AwaitingSetup),
        (InstanceState::AwaitingSetup, Step::SetUp) => Some(InstanceState::Migrating),
        (InstanceState::Migrating, Step::Migrated) => Some(InstanceState::Seeding),
        (InstanceState::Seeding, Step::Seeded) => Some(InstanceState::Active),
        (state, Step::Cancel) if is_unfinished(state) => Some(InstanceState::Deleting),
        (InstanceState::Deleting, Step::Claim) => Some(InstanceState::Deleting),
        (InstanceState::Deleting, Step::Dropped) => Some(InstanceState::Deleted),
        _ => None,
    }
}

/// The kind of the job that this state waits for, and the step that its success is.
pub fn job(state: InstanceState) -> Option<(&'static str, Step)> {
    match state {
        InstanceState::Migrating => Some((MigrateInstance::KIND, Step::Migrated)),
        InstanceState::Seeding => Some((SeedInstance::KIND, Step::Seeded)),
        _ => None,
    }
}

/// How the step under way is done again after it failed; `None` if none is under way.
pub fn redo(state: InstanceState) -> Option<Redo> {
    match state {
        InstanceState::Requested | InstanceState::Provisioning | InstanceState::Deleting => Some(Redo::Provision),
        InstanceState::Migrating | InstanceState::Seeding => Some(Redo::Job),
        InstanceState::AwaitingProof
        | InstanceState::AwaitingSetup
        | InstanceState::Active
        | InstanceState::Suspended
        | InstanceState::Deleted => None,
    }
}

/// How long the state passes before it is first looked at.
pub fn first_look(state: InstanceState) -> TimeDelta {
    match state {
        // Most jobs have ended by then, and their message has come.
        InstanceState::Migrating | InstanceState::Seeding => TimeDelta::seconds(60),
        // Whoever reads what the record must say needs a while to make it.
        InstanceState::AwaitingProof => TimeDelta::seconds(30),
        _ => TimeDelta::zero(),
    }
}

/// Whether it is still on its way to being active; it can be cancelled, and nobody was billed for it.
pub fn is_unfinished(state: InstanceState) -> bool {
    !matches!(
        state,
        InstanceState::Active | InstanceState::Suspended | InstanceState::Deleting | InstanceState::Deleted
    )
}

/// The state that people are shown. `Suspended` is in no row of an instance: it follows from its tenant's suspension.
pub fn shown(state: InstanceState, tenant_is_suspended: bool) -> InstanceState {
    match state {
        InstanceState::Active if tenant_is_suspended => InstanceState::Suspended,
        state => state,
    }
}

/// Whether it waits for people, and for how long is up to them.
pub fn waits_for_people(state: InstanceState) -> bool {
    matches!(state, InstanceState::AwaitingProof | InstanceState::AwaitingSetup)
}

/// Whether the database and its roles are there.
pub fn has_database(state: InstanceState) -> bool {
    matches!(
        state,
        InstanceState::AwaitingSetup
            | InstanceState::Migrating
            | InstanceState::Seeding
            | InstanceState::Active
            | InstanceState::Suspended
    )
}

/// Whether the product's own role can work with the database.
pub fn is_migrated(state: InstanceState) -> bool {
    matches!(state, InstanceState::Seeding | InstanceState::Active | InstanceState::Suspended)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATES: [InstanceState; 10] = [
        InstanceState::AwaitingProof,
        InstanceState::Requested,
        InstanceState::Provisioning,
        InstanceState::AwaitingSetup,
        InstanceState::Migrating,
        InstanceState::Seeding,
        InstanceState::Active,
        InstanceState::Suspended,
        InstanceState::Deleting,
        InstanceState::Deleted,
    ];
    const STEPS: [Step; 8] = [
        Step::Proved,
        Step::Claim,
        Step::Provisioned,
        Step::SetUp,
        Step::Migrated,
        Step::Seeded,
        Step::Cancel,
        Step::Dropped,
    ];

    #[test]
    fn exactly_these_steps_are_legal() {
        let legal: Vec<_> = STATES
            .iter()
            .flat_map(|state| STEPS.iter().filter_map(move |step| Some((*state, *step, after(*state, *step)?))))
            .collect();
        assert_eq!(
            legal,
            [
                (InstanceState::AwaitingProof, Step::Proved, InstanceState::Requested),
                (InstanceState::AwaitingProof, Step::Cancel, InstanceState::Deleting),
                (InstanceState::Requested, Step::Claim, InstanceState::Provisioning),
                (InstanceState::Requested, Step::Cancel, InstanceState::Deleting),
                (InstanceState::Provisioning, Step::Claim, InstanceState::Provisioning),
                (InstanceState::Provisioning, Step::Provisioned, InstanceState::AwaitingSetup),
                (InstanceState::Provisioning, Step::Cancel, InstanceState::Deleting),
                (InstanceState::AwaitingSetup, Step::SetUp, InstanceState::Migrating),
                (InstanceState::AwaitingSetup, Step::Cancel, InstanceState::Deleting),
                (InstanceState::Migrating, Step::Migrated, InstanceState::Seeding),
                (InstanceState::Migrating, Step::Cancel, InstanceState::Deleting),
                (InstanceState::Seeding, Step::Seeded, InstanceState::Active),
                (InstanceState::Seeding, Step::Cancel, InstanceState::Deleting),
                (InstanceState::Deleting, Step::Claim, InstanceState::Deleting),
                (InstanceState::Deleting, Step::Dropped, InstanceState::Deleted),
            ]
        );
    }

    #[test]
    fn the_end_of_a_states_job_moves_it_on() {
        for state in STATES {
            if let Some((_, step)) = job(state) {
                assert!(after(state, step).is_some(), "{state:?}");
            }
        }
    }

    #[test]
    fn only_what_is_in_use_is_shown_as_suspended() {
        for state in STATES {
            let suspended = if state == InstanceState::Active { InstanceState::Suspended } else { state };
            assert_eq!((shown(state, false), shown(state, true)), (state, suspended));
        }
    }

    #[test]
    fn every_state_on_the_way_has_an_exit() {
        for state in STATES {
            let is_at_rest = matches!(state, InstanceState::Active | InstanceState::Suspended | InstanceState::Deleted);
            assert_eq!(
                redo(state).is_some() || waits_for_people(state),
                !is_at_rest,
                "{state:?} can be done again, or is up to people"
            );
            assert_eq!(
                after(state, Step::Cancel).is_some() || after(state, Step::Dropped).is_some(),
                !is_at_rest,
                "{state:?} can be left"
            );
        }
    }
}
