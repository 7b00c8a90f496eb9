//! The steps of a message's and of a job's way, at which a process is killed. Not the mailer, which may be waiting for
//! SES's answer: what became of that mail an event tells by the mail's tag, which the emulator does not show.

use super::Length;
use local_stack::gate::{self, Catch};

/// Who is killed, and when.
#[derive(Clone, Copy, Debug)]
pub struct Arrow {
    pub victim: &'static str,
    pub step: &'static str,
    /// What it was asking when it died.
    pub asked: &'static str,
    pub catch: Catch,
    /// Only in the long form: another process takes the same step in the short one.
    long: bool,
}

const SHORT: bool = false;
const LONG: bool = true;

const ARROWS: [Arrow; 17] = [
    committed("forum", SHORT),
    published("forum", SHORT),
    received("billing", SHORT),
    applied("billing", SHORT),
    deleted("billing", SHORT),
    received("worker", SHORT),
    Arrow {
        victim: "forum-worker",
        step: "in a job, with the credentials of the instance in its hand",
        asked: gate::CONFIGURATOR,
        catch: Catch::After("/credentials HTTP/1.1", "database_url"),
        long: SHORT,
    },
    ended("forum-worker", SHORT),
    applied("worker", LONG),
    committed("configurator", LONG),
    published("configurator", LONG),
    received("configurator", LONG),
    applied("configurator", LONG),
    committed("auth", LONG),
    published("auth", LONG),
    received("permission", LONG),
    applied("permission", LONG),
];

impl Arrow {
    pub fn of(length: Length) -> impl Iterator<Item = Self> {
        ARROWS.into_iter().filter(move |arrow| length == Length::Long || !arrow.long)
    }
}

const fn to_aws(victim: &'static str, step: &'static str, catch: Catch, long: bool) -> Arrow {
    Arrow { victim, step, asked: gate::AWS, catch, long }
}

const fn committed(victim: &'static str, long: bool) -> Arrow {
    to_aws(victim, "after the business commit, before the message is published", BEFORE_PUBLISH, long)
}

const fn published(victim: &'static str, long: bool) -> Arrow {
    to_aws(victim, "after SNS has taken the message, before its row is deleted", AFTER_PUBLISH, long)
}

const fn received(victim: &'static str, long: bool) -> Arrow {
    to_aws(victim, "after the message was received, before anything is done", AFTER_RECEIVE, long)
}

const fn applied(victim: &'static str, long: bool) -> Arrow {
    to_aws(victim, "after the effect's commit, before SQS is told", BEFORE_DELETE, long)
}

const fn deleted(victim: &'static str, long: bool) -> Arrow {
    to_aws(victim, "after SQS has deleted the message, before that is known", AFTER_DELETE, long)
}

const fn ended(victim: &'static str, long: bool) -> Arrow {
    to_aws(victim, "after a job's end, before it is told", BEFORE_PUBLISH, long)
}

const BEFORE_PUBLISH: Catch = Catch::Before("Action=PublishBatch");
const AFTER_PUBLISH: Catch = Catch::After("Action=PublishBatch", "<Successful>");
const AFTER_RECEIVE: Catch = Catch::After("AmazonSQS.ReceiveMessage", "ReceiptHandle");
const BEFORE_DELETE: Catch = Catch::Before("AmazonSQS.DeleteMessage");
const AFTER_DELETE: Catch = Catch::After("AmazonSQS.DeleteMessage", "200");
