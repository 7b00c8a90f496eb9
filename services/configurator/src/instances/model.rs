//! Which step is legal in which state? What is not listed here is refused.

use contracts::jobs::{MIGRATE_INSTANCE, SEED_INSTANCE};
use serde::Serialize;
use utoipa::ToSchema;

/// Where an instance is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum State {
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
    /// Gone; the host is free.
    Deleted,
}

/// What moves an instance on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A provisioner takes it in hand.
    Claim,
    /// Its database and roles are there.
    Provisioned,
    /// The setup form was taken.
    SetUp,
    Migrated,
    Seeded,
}

/// How a failed step is done again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Redo {
    Provision,
    /// The job that the state waits for.
    Job,
}

impl State {
    /// The state after `step`; `None` if the step is not legal here.
    pub fn after(self, step: Step) -> Option<Self> {
        match (self, step) {
            (Self::Requested | Self::Provisioning, Step::Claim) => Some(Self::Provisioning),
            (Self::Provisioning, Step::Provisioned) => Some(Self::AwaitingSetup),
            (Self::AwaitingSetup, Step::SetUp) => Some(Self::Migrating),
            (Self::Migrating, Step::Migrated) => Some(Self::Seeding),
            (Self::Seeding, Step::Seeded) => Some(Self::Active),
            _ => None,
        }
    }

    /// The kind of the job that ends this state.
    pub fn job(self) -> Option<&'static str> {
        match self {
            Self::Migrating => Some(MIGRATE_INSTANCE),
            Self::Seeding => Some(SEED_INSTANCE),
            _ => None,
        }
    }

    /// What the success of a job of this kind means here; `None` if the state does not wait for it.
    pub fn done_by(self, kind: &str) -> Option<Step> {
        match self {
            _ if self.job() != Some(kind) => None,
            Self::Migrating => Some(Step::Migrated),
            _ => Some(Step::Seeded),
        }
    }

    /// How the step under way is done again after it failed; `None` if none is under way.
    pub fn redo(self) -> Option<Redo> {
        match self {
            Self::Requested | Self::Provisioning => Some(Redo::Provision),
            Self::Migrating | Self::Seeding => Some(Redo::Job),
            Self::AwaitingSetup | Self::Active | Self::Deleted => None,
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    const STATES: [State; 7] = [State::Requested, State::Provisioning, State::AwaitingSetup, State::Migrating, State::Seeding, State::Active, State::Deleted];
    const STEPS: [Step; 5] = [Step::Claim, Step::Provisioned, Step::SetUp, Step::Migrated, Step::Seeded];

    #[test]
    fn exactly_these_steps_are_legal() {
        let legal: Vec<_> = STATES.iter().flat_map(|state| STEPS.iter().filter_map(move |step| Some((*state, *step, state.after(*step)?)))).collect();
        assert_eq!(
            legal,
            [
                (State::Requested, Step::Claim, State::Provisioning),
                (State::Provisioning, Step::Claim, State::Provisioning),
                (State::Provisioning, Step::Provisioned, State::AwaitingSetup),
                (State::AwaitingSetup, Step::SetUp, State::Migrating),
                (State::Migrating, Step::Migrated, State::Seeding),
                (State::Seeding, Step::Seeded, State::Active),
            ]
        );
    }

    #[test]
    fn only_the_job_that_is_waited_for_moves_a_state() {
        let moved: Vec<_> = STATES
            .iter()
            .flat_map(|state| {
                [MIGRATE_INSTANCE, SEED_INSTANCE, "instance.unheard"].into_iter().filter_map(move |kind| Some((*state, kind, state.done_by(kind)?)))
            })
            .collect();
        assert_eq!(moved, [(State::Migrating, MIGRATE_INSTANCE, Step::Migrated), (State::Seeding, SEED_INSTANCE, Step::Seeded)]);
    }

    #[test]
    fn every_state_on_the_way_has_an_exit() {
        for state in STATES {
            let moves_by_itself = !matches!(state, State::AwaitingSetup | State::Active | State::Deleted);
            assert_eq!(state.redo().is_some(), moves_by_itself, "{state:?}");
        }
    }
}
