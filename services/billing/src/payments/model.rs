//! Rules of what is not paid: when somebody is reminded, suspended, and when it is given up. Pure.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use utoipa::ToSchema;

/// Days after which somebody is reminded; with the last reminder the account is suspended.
const REMINDER_DAYS: [i64; 4] = [1, 3, 7, 14];
/// Days after which an invoice counts as lost.
const GIVEN_UP_DAYS: i64 = 90;
/// After an outage nobody is reminded of everything at once.
const BETWEEN: TimeDelta = TimeDelta::days(1);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum PaymentState {
    Open,
    Paid,
    /// Given up 90 days after the payment failed or was overdue. A payment that comes all the same makes it paid.
    Uncollectible,
}

/// How an attempt to charge ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum Outcome {
    Succeeded,
    Declined,
    /// The bank wants the customer to confirm it.
    ActionRequired,
    /// Stripe charges no such amount: it is paid by bank transfer.
    NotChargeable,
    /// It was canceled, or all of it paid back, before anybody was told that it was paid. Another one follows.
    Canceled,
    /// The provider was away for so long that its key may be forgotten, and it knows of no such charge.
    NotMade,
}

/// What is due when somebody has not paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Remind,
    /// The last reminder.
    Suspend,
    GiveUp,
}

/// How far the reminders of an invoice are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dunning {
    pub from: DateTime<Utc>,
    /// Sent until now.
    pub reminders: i16,
    /// When the next step is due.
    pub at: DateTime<Utc>,
}

impl Dunning {
    /// From when a payment failed, or was overdue.
    pub fn begin(from: DateTime<Utc>) -> Self {
        Self { from, reminders: 0, at: planned(from, 0) }
    }

    /// What is due now, and what is so after it; `None` if nothing is.
    pub fn step(self, now: DateTime<Utc>) -> Option<(Step, Self)> {
        if now < self.at {
            return None;
        }
        let step = match (self.reminders + 1).cmp(&last()) {
            std::cmp::Ordering::Less => Step::Remind,
            std::cmp::Ordering::Equal => Step::Suspend,
            std::cmp::Ordering::Greater => Step::GiveUp,
        };
        Some((step, self.after(now)))
    }

    /// When somebody is reminded next; `None` after the last reminder.
    pub fn reminds_at(self) -> Option<DateTime<Utc>> {
        (self.reminders < last()).then_some(self.at)
    }

    /// When the account is suspended, if no step is late.
    pub fn suspends_at(self) -> DateTime<Utc> {
        let mut next = self;
        while next.reminders + 1 < last() {
            next = next.after(next.at);
        }
        next.at
    }

    /// What is due after a step that was taken at `now`.
    fn after(self, now: DateTime<Utc>) -> Self {
        let reminders = (self.reminders + 1).min(last());
        Self { reminders, at: planned(self.from, reminders).max(now + BETWEEN), ..self }
    }
}

fn planned(from: DateTime<Utc>, reminders: i16) -> DateTime<Utc> {
    let days = usize::try_from(reminders).ok().and_then(|index| REMINDER_DAYS.get(index));
    from + TimeDelta::days(days.copied().unwrap_or(GIVEN_UP_DAYS))
}

/// The number of the last reminder.
fn last() -> i16 {
    REMINDER_DAYS.len() as i16
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(days: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::days(days)
    }

    #[test]
    fn reminders_come_after_1_3_7_and_14_days_and_90_is_the_end() {
        let mut dunning = Dunning::begin(day(0));
        let mut steps = Vec::new();
        for today in 0..=90 {
            assert_eq!(dunning.reminds_at().is_some(), today <= 14);
            assert_eq!(dunning.suspends_at(), if dunning.reminders < 4 { day(14) } else { day(90) });
            if let Some((step, next)) = dunning.step(day(today)) {
                steps.push((today, step));
                dunning = next;
            }
        }
        let expected =
            [(1, Step::Remind), (3, Step::Remind), (7, Step::Remind), (14, Step::Suspend), (90, Step::GiveUp)];
        assert_eq!(steps, expected);
    }

    #[test]
    fn after_an_outage_nobody_is_suspended_without_reminders() {
        let mut dunning = Dunning::begin(day(0));
        let mut steps = Vec::new();
        for today in 20..=23 {
            let (step, next) = dunning.step(day(today)).unwrap();
            assert_eq!(next.step(day(today)), None, "one a day");
            steps.push(step);
            dunning = next;
        }
        assert_eq!(steps, [Step::Remind, Step::Remind, Step::Remind, Step::Suspend]);
        let late = Dunning { reminders: 1, at: day(30), from: day(0) };
        assert_eq!(late.suspends_at(), day(32));
    }
}
