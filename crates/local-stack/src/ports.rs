//! Ports: a process gets the documented one if it is free, else one that is, and the same one next time.

use crate::files;
use anyhow::{Context, Result};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
};

/// Between a service's port and that of its ops listener.
pub const OPS_OFFSET: u16 = 1000;
/// Between a port and the next one tried; wide enough that two services never try the same.
const STEP: u16 = 100;
/// From here on Linux hands out ports to outgoing connections.
const FIRST_EPHEMERAL: u16 = 32_768;

/// Who uses which of the documented ports.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Preference {
    Documented,
    /// Away from the documented ones, and away from those of another process of ours.
    Private,
}

pub struct Ports {
    file: PathBuf,
    chosen: BTreeMap<String, u16>,
    taken: BTreeSet<u16>,
    first_step: u16,
}

impl Ports {
    pub fn open(folder: &Path, preference: Preference) -> Result<Self> {
        let file = folder.join("ports.json");
        let chosen = files::read_json(&file)?.unwrap_or_default();
        let first_step = if preference == Preference::Documented { 0 } else { 1 + (std::process::id() % 200) as u16 };
        Ok(Self { file, chosen, taken: BTreeSet::new(), first_step })
    }

    pub fn pick(&mut self, name: &str, documented: u16) -> Result<u16> {
        self.choose(name, documented, &[0])
    }

    /// Like `pick`, but the port above it for the ops listener is free as well.
    pub fn pick_with_ops(&mut self, name: &str, documented: u16) -> Result<u16> {
        self.choose(name, documented, &[0, OPS_OFFSET])
    }

    fn choose(&mut self, name: &str, documented: u16, offsets: &[u16]) -> Result<u16> {
        let usable = |port: u16| {
            offsets.iter().all(|offset| {
                port.checked_add(*offset).is_some_and(|port| !self.taken.contains(&port) && is_free(port))
            })
        };
        let port = first_usable(documented, self.first_step, self.chosen.get(name).copied(), usable)
            .with_context(|| format!("found no free port for {name}"))?;
        if port != documented && self.first_step == 0 && self.chosen.get(name) != Some(&port) {
            println!("port {documented} is taken: {name} uses {port}");
        }
        self.taken.extend(offsets.iter().map(|offset| port + offset));
        self.chosen.insert(name.to_owned(), port);
        files::write_json(&self.file, &self.chosen)?;
        Ok(port)
    }
}

fn first_usable(
    documented: u16,
    first_step: u16,
    remembered: Option<u16>,
    usable: impl Fn(u16) -> bool,
) -> Option<u16> {
    let steps = (first_step..)
        .map_while(|step| step.checked_mul(STEP)?.checked_add(documented))
        .take_while(|port| *port < FIRST_EPHEMERAL);
    remembered.into_iter().chain(steps).find(|port| usable(*port))
}

fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_used_before_then_the_documented_port_then_the_next_that_is_free() {
        type Case = (u16, Option<u16>, fn(u16) -> bool, Option<u16>);
        let cases: [Case; 7] = [
            (0, None, |_| true, Some(8001)),
            (0, None, |port| port > 8101, Some(8201)),
            (0, None, |_| false, None),
            (0, Some(8301), |_| true, Some(8301)),
            (0, Some(8301), |port| port != 8301, Some(8001)),
            // Private stacks stay away from documented ports.
            (7, None, |_| true, Some(8701)),
            (200, None, |_| true, Some(28_001)),
        ];
        for (first_step, remembered, usable, expected) in cases {
            assert_eq!(first_usable(8001, first_step, remembered, usable), expected);
        }
    }

    #[test]
    fn a_port_that_somebody_listens_on_is_not_free() {
        let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
        assert!(!is_free(listener.local_addr().unwrap().port()));
    }
}
