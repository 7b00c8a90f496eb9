//! Commands of bundles: programs on the worker's disk that a product's manifest lists, run for one job each.
//!
//! ```text
//! worker ─ worker supervise ─ worker launch ⇒ program ─ its children
//!          limits, ends all   sets its limits
//! ```
//! The supervisor is a process of its own, so that a command has no descendant that it does not know, and that nothing
//! of it is left when the worker is killed.
//!
//! | module | answers |
//! | --- | --- |
//! | [`handler`] | what does a job of this kind do? |
//! | [`runner`] | how does the worker have a program run? |
//! | [`spec`] | what is run, under which limits, and how did it end? |
//! | [`supervisor`] | how are limits kept, and how does nothing stay behind? |
//! | [`descendants`] | which processes belong to a command, and what do they use? |
//! | [`launcher`] | what does a program start with? |
//! | [`inputs`] | which objects lie in its working folder when it begins? |
//! | [`handover`] | how does its output come into the instance's database, once? |
//! | [`failure`] | how does its product hear that there is none? |

mod descendants;
mod failure;
mod handler;
mod handover;
mod inputs;
pub(crate) mod launcher;
mod runner;
mod spec;
pub(crate) mod supervisor;

use rustix::process::{DumpableBehavior, set_dumpable_behavior};

/// Hides the worker's environment and memory, which have its secrets, from processes of the same user: its commands
/// (prctl(2), `PR_SET_DUMPABLE`; proc(5)).
pub(crate) fn hide_secrets() -> std::io::Result<()> {
    Ok(set_dumpable_behavior(DumpableBehavior::NotDumpable)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::process::dumpable_behavior;

    #[test]
    fn secrets_are_hidden() {
        hide_secrets().unwrap();
        assert_eq!(dumpable_behavior().unwrap(), DumpableBehavior::NotDumpable);
    }
}
