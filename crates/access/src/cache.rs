//! Keys and values in Redis, and when they count: a record counts only under the stamps it was made under.
//!
//! Keys of a tenant share its hash slot: `{tid}:rec:{principal}`, `{tid}:us:{principal}`, `{tid}:ts`,
//! `{tid}:sess:{sid}`. Whoever fills reads the stamps before the database, so a record made of rows older than a
//! revocation carries an older stamp. `crates/access/model` walks through every history of this.

use contracts::id::{Principal, SessionId, TenantId};
use std::{collections::BTreeSet, sync::Arc};

/// The two stamps of a record: the principal's and the tenant's.
#[derive(Clone, Debug, PartialEq)]
pub struct Stamps {
    pub(super) us: String,
    pub(super) ts: String,
}

/// What is asked of Redis for one caller: is the session alive, and what may the principal do, and whoever acts for it?
/// Written once for a token, as writing the keys costs more than all else about a check.
#[derive(Debug)]
pub(super) struct Check {
    pub tenant: TenantId,
    pub session: SessionId,
    pub principal: Principal,
    pub actor: Option<Principal>,
    /// Session, the tenant's stamp, then record and stamp of the principal and of the actor.
    pub keys: Vec<String>,
}

/// What Redis holds under one key.
pub(super) type Value = Option<Vec<u8>>;

pub(super) fn key(prefix: &str, tenant: TenantId, rest: &str) -> String {
    format!("{prefix}{{{tenant}}}:{rest}")
}

impl Check {
    pub fn new(
        prefix: &str,
        tenant: TenantId,
        session: SessionId,
        principal: Principal,
        actor: Option<Principal>,
    ) -> Self {
        let shared = [format!("sess:{session}"), "ts".to_owned()];
        let each = [Some(&principal), actor.as_ref()].into_iter().flatten();
        let each = each.flat_map(|principal| [format!("rec:{principal}"), format!("us:{principal}")]);
        let keys = shared.into_iter().chain(each).map(|rest| key(prefix, tenant, &rest)).collect();
        Self { tenant, session, principal, actor, keys }
    }

    /// What is found under its keys, whose values come next.
    pub fn read(&self, values: &mut impl Iterator<Item = Value>) -> Found {
        let mut next = || values.next().flatten();
        let (alive, ts) = (next().is_some(), next());
        let mut record = || Record::counting(next(), next().as_deref(), ts.as_deref()).map(Arc::new);
        Found { alive, record: record(), of_actor: self.actor.as_ref().and_then(|_| record()) }
    }
}

/// What a check finds; of a record that is absent, the permission service must be asked.
#[derive(Clone, Debug, Default)]
pub(super) struct Found {
    pub alive: bool,
    pub record: Option<Arc<Record>>,
    pub of_actor: Option<Arc<Record>>,
}

/// A record that counts: a line for each namespace, with its name and then the actions in it.
#[derive(Debug, PartialEq)]
pub(super) struct Record {
    text: String,
    /// Where that begins, behind the stamps.
    lines: usize,
}

impl Record {
    pub fn write(stamps: &Stamps, permissions: &BTreeSet<String>) -> String {
        let mut text = format!("{}\n{}", stamps.us, stamps.ts);
        let mut line = "";
        // Sorted, so those of a namespace stand together.
        for (namespace, action) in permissions.iter().filter_map(|name| name.split_once('.')) {
            if namespace != line {
                text.extend(["\n", namespace]);
                line = namespace;
            }
            text.extend([" ", action]);
        }
        text
    }

    /// The record, if both stamps exist and are those it was made under.
    pub fn counting(record: Value, us: Option<&[u8]>, ts: Option<&[u8]>) -> Option<Self> {
        let text = String::from_utf8(record?).ok()?;
        let (us, ts) = (std::str::from_utf8(us?).ok()?, std::str::from_utf8(ts?).ok()?);
        let rest = text.strip_prefix(us)?.strip_prefix('\n')?.strip_prefix(ts)?;
        let (ends, lines) = (rest.is_empty() || rest.starts_with('\n'), text.len() - rest.len());
        ends.then_some(Self { text, lines })
    }

    /// All that it allows.
    pub fn permissions(&self) -> BTreeSet<String> {
        let lines = self.text[self.lines..].lines().filter_map(|line| line.split_once(' '));
        lines
            .flat_map(|(namespace, actions)| actions.split(' ').map(move |action| format!("{namespace}.{action}")))
            .collect()
    }

    pub fn allows(&self, permission: &str) -> bool {
        let Some((namespace, action)) = permission.split_once('.') else { return false };
        let mut lines = self.text[self.lines..].lines().filter_map(|line| line.split_once(' '));
        lines
            .find(|(name, _)| *name == namespace)
            .is_some_and(|(_, actions)| actions.split(' ').any(|held| held == action))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counting(record: Option<&str>, us: Option<&str>, ts: Option<&str>) -> Option<Record> {
        Record::counting(record.map(|text| text.as_bytes().to_vec()), us.map(str::as_bytes), ts.map(str::as_bytes))
    }

    fn permissions(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn a_record_allows_what_was_written_and_nothing_else() {
        let stamps = Stamps { us: "a".into(), ts: "b".into() };
        let names = ["x.y", "x.yz", "x-1.y", "xx.y", "z.a"];
        let written = Record::write(&stamps, &permissions(&names));
        assert_eq!(written, "a\nb\nx-1 y\nx y yz\nxx y\nz a");
        let record = counting(Some(&written), Some("a"), Some("b")).unwrap();
        assert!(names.iter().all(|name| record.allows(name)));
        assert_eq!(record.permissions(), permissions(&names));
        for other in ["", ".", "x", "x.", "a", "b", "x.y yz", "x.y\nxx.y", "y.x", "z.y", "x y.yz", "1.y"] {
            assert!(!record.allows(other), "{other:?}");
        }
        let written = Record::write(&stamps, &permissions(&[]));
        let record = counting(Some(&written), Some("a"), Some("b")).unwrap();
        assert!(!record.allows("x.y") && !record.allows("."));
    }

    #[test]
    fn a_record_counts_only_under_both_present_stamps() {
        let written = Record::write(&Stamps { us: "a".into(), ts: "b".into() }, &permissions(&["x.y"]));
        let written = Some(written.as_str());
        assert!(counting(written, Some("a"), Some("b")).is_some());
        for (record, us, ts) in [
            (None, Some("a"), Some("b")),
            (written, None, Some("b")),
            (written, Some("a"), None),
            (written, Some("z"), Some("b")),
            (written, Some("a"), Some("")),
            (written, Some(""), Some("a")),
            (Some("a"), Some("a"), Some("b")),
            (Some("a\nbc\nx y"), Some("a"), Some("b")),
        ] {
            assert_eq!(counting(record, us, ts), None, "{record:?} {us:?} {ts:?}");
        }
    }

    #[test]
    fn an_actor_is_looked_up_with_whom_it_acts_for() {
        let ambient = common::ambient::Ambient::system();
        let (tenant, session) = (TenantId(ambient.uuid()), SessionId(ambient.uuid()));
        let client = |id: &str| Principal::Client(id.to_owned());
        let check = Check::new("p:", tenant, session, client("a"), Some(client("b")));
        let rest = [&*format!("sess:{session}"), "ts", "rec:client:a", "us:client:a", "rec:client:b", "us:client:b"];
        assert_eq!(check.keys, rest.map(|rest| format!("p:{{{tenant}}}:{rest}")));
        let read = |values: [&str; 6]| {
            let values = values.map(|text| (!text.is_empty()).then(|| text.as_bytes().to_vec()));
            let Found { alive, record, of_actor } = check.read(&mut values.into_iter());
            let may = |record: Option<Arc<Record>>, name| record.is_some_and(|record| record.allows(name));
            (alive, may(record, "x.y"), may(of_actor, "x.z"))
        };
        assert_eq!(read(["1", "t", "u\nt\nx y", "u", "v\nt\nx z", "v"]), (true, true, true));
        assert_eq!(read(["1", "t", "u\nt\nx y", "u", "u\nt\nx z", "v"]), (true, true, false), "stamp of another");
        assert_eq!(read(["", "t", "u\nt\nx y", "", "v\nt\nx z", "v"]), (false, false, true));
        assert_eq!(read(["1", "", "u\nt\nx y", "u", "v\nt\nx z", "v"]), (true, false, false));
    }
}
