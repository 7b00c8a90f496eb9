//! The states of an instance. Which step is legal in which state? What is not listed here is refused.

use chrono::TimeDelta;
use contracts::{
    http::instances::InstanceState,
    jobs::{Job, MigrateInstance, SeedInstance},
};
use serde::Serialize;
use utoipa::ToSchema;

/// Where an instance is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum State {
    /// The host is somebody's own domain: waits for the DNS record that proves it.
    AwaitingProof,
    /// Waits for the provisioner.
    Requested,
    /// The provisioner makes the database and its roles.
    Provisioning,
    /// The host shows the setup form.
    AwaitingSetup,
    /// The worker makes the tables.
    Migrating,
    /// The worker fills in what the setup form said.
    Seeding,
    /// In use, and billed.
    Active,
    /// Cancelled or expired: the host is free, and the provisioner drops the database and its roles.
    Deleting,
    /// Gone.
    Deleted,
}

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

impl State {
    /// The state after `step`; `None` if the step is not legal here.
    pub fn after(self, step: Step) -> Option<Self> {
        match (self, step) {
            (Self::AwaitingProof, Step::Proved) => Some(Self::Requested),
            (Self::Requested | Self::Provisioning, Step::Claim) => Some(Self::Provisioning),
            (Self::Provisioning, Step::Provisioned) => Some(Self::AwaitingSetup),
            (Self::AwaitingSetup, Step::SetUp) => Some(Self::Migrating),
            (Self::Migrating, Step::Migrated) => Some(Self::Seeding),
            (Self::Seeding, Step::Seeded) => Some(Self::Active),
            (state, Step::Cancel) if state.is_unfinished() => Some(Self::Deleting),
            (Self::Deleting, Step::Claim) => Some(Self::Deleting),
            (Self::Deleting, Step::Dropped) => Some(Self::Deleted),
            _ => None,
        }
    }

    /// The kind of the job that this state waits for, and the step that its success is.
    pub fn job(self) -> Option<(&'static str, Step)> {
        match self {
            Self::Migrating => Some((MigrateInstance::KIND, Step::Migrated)),
            Self::Seeding => Some((SeedInstance::KIND, Step::Seeded)),
            _ => None,
        }
    }

    /// How the step under way is done again after it failed; `None` if none is under way.
    pub fn redo(self) -> Option<Redo> {
        match self {
            Self::Requested | Self::Provisioning | Self::Deleting => Some(Redo::Provision),
            Self::Migrating | Self::Seeding => Some(Redo::Job),
            Self::AwaitingProof | Self::AwaitingSetup | Self::Active | Self::Deleted => None,
        }
    }

    /// How long the state passes before it is first looked at.
    pub fn first_look(self) -> TimeDelta {
        match self {
            // Most jobs have ended by then, and their message has come.
            Self::Migrating | Self::Seeding => TimeDelta::seconds(60),
            // Whoever reads what the record must say needs a while to make it.
            Self::AwaitingProof => TimeDelta::seconds(30),
            _ => TimeDelta::zero(),
        }
    }

    /// Whether it is still on its way to being active; it can be cancelled, and nobody was billed for it.
    pub fn is_unfinished(self) -> bool {
        !matches!(self, Self::Active | Self::Deleting | Self::Deleted)
    }

    /// Whether it waits for people, and for how long is up to them.
    pub fn waits_for_people(self) -> bool {
        matches!(self, Self::AwaitingProof | Self::AwaitingSetup)
    }

    /// Whether the database and its roles are there.
    pub fn has_database(self) -> bool {
        matches!(self, Self::AwaitingSetup | Self::Migrating | Self::Seeding | Self::Active)
    }

    /// Whether the product's own role can work with the database.
    pub fn is_migrated(self) -> bool {
        matches!(self, Self::Seeding | Self::Active)
    }
}

impl From<State> for InstanceState {
    fn from(state: State) -> Self {
        match state {
            State::AwaitingProof => Self::AwaitingProof,
            State::Requested => Self::Requested,
            State::Provisioning => Self::Provisioning,
            State::AwaitingSetup => Self::AwaitingSetup,
            State::Migrating => Self::Migrating,
            State::Seeding => Self::Seeding,
            State::Active => Self::Active,
            State::Deleting => Self::Deleting,
            State::Deleted => Self::Deleted,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATES: [State; 9] = [
        State::AwaitingProof,
        State::Requested,
        State::Provisioning,
        State::AwaitingSetup,
        State::Migrating,
        State::Seeding,
        State::Active,
        State::Deleting,
        State::Deleted,
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
            .flat_map(|state| STEPS.iter().filter_map(move |step| Some((*state, *step, state.after(*step)?))))
            .collect();
        assert_eq!(
            legal,
            [
                (State::AwaitingProof, Step::Proved, State::Requested),
                (State::AwaitingProof, Step::Cancel, State::Deleting),
                (State::Requested, Step::Claim, State::Provisioning),
                (State::Requested, Step::Cancel, State::Deleting),
                (State::Provisioning, Step::Claim, State::Provisioning),
                (State::Provisioning, Step::Provisioned, State::AwaitingSetup),
                (State::Provisioning, Step::Cancel, State::Deleting),
                (State::AwaitingSetup, Step::SetUp, State::Migrating),
                (State::AwaitingSetup, Step::Cancel, State::Deleting),
                (State::Migrating, Step::Migrated, State::Seeding),
                (State::Migrating, Step::Cancel, State::Deleting),
                (State::Seeding, Step::Seeded, State::Active),
                (State::Seeding, Step::Cancel, State::Deleting),
                (State::Deleting, Step::Claim, State::Deleting),
                (State::Deleting, Step::Dropped, State::Deleted),
            ]
        );
    }

    #[test]
    fn the_end_of_a_states_job_moves_it_on() {
        for state in STATES {
            if let Some((_, step)) = state.job() {
                assert!(state.after(step).is_some(), "{state:?}");
            }
        }
    }

    #[test]
    fn every_state_on_the_way_has_an_exit() {
        for state in STATES {
            let is_at_rest = matches!(state, State::Active | State::Deleted);
            assert_eq!(
                state.redo().is_some() || state.waits_for_people(),
                !is_at_rest,
                "{state:?} can be done again, or is up to people"
            );
            assert_eq!(
                state.after(Step::Cancel).is_some() || state.after(Step::Dropped).is_some(),
                !is_at_rest,
                "{state:?} can be left"
            );
        }
    }
}
