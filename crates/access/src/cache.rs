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

/// Whose permissions are asked for, and by which session.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Check {
    pub tenant: TenantId,
    pub principal: Principal,
    pub session: SessionId,
}

/// The keys of one check: record, the two stamps, session.
pub(super) type Keys = [String; 4];

/// What Redis holds under them.
pub(super) type Values = [Option<Vec<u8>>; 4];

pub(super) fn key(prefix: &str, tenant: TenantId, rest: &str) -> String {
    format!("{prefix}{{{tenant}}}:{rest}")
}

pub(super) fn keys(prefix: &str, Check { tenant, principal, session }: &Check) -> Keys {
    [format!("rec:{principal}"), format!("us:{principal}"), "ts".to_owned(), format!("sess:{session}")]
        .map(|rest| key(prefix, *tenant, &rest))
}

/// What a check finds under them.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub alive: bool,
    /// Absent: the permission service must be asked.
    pub record: Option<Arc<Record>>,
}

impl From<Values> for Found {
    fn from(mut values: Values) -> Self {
        Self { alive: values[3].is_some(), record: Record::counting(&mut values).map(Arc::new) }
    }
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

    /// The record among the values of a check, if both stamps exist and are those it was made under.
    pub fn counting(values: &mut Values) -> Option<Self> {
        let [record, us, ts, _] = values;
        let text = String::from_utf8(record.take()?).ok()?;
        let (us, ts) = (std::str::from_utf8(us.as_deref()?).ok()?, std::str::from_utf8(ts.as_deref()?).ok()?);
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

    fn values(record: Option<&str>, us: Option<&str>, ts: Option<&str>) -> Values {
        [record, us, ts, None].map(|text| text.map(|text| text.as_bytes().to_vec()))
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
        let record = Record::counting(&mut values(Some(&written), Some("a"), Some("b"))).unwrap();
        assert!(names.iter().all(|name| record.allows(name)));
        assert_eq!(record.permissions(), permissions(&names));
        for other in ["", ".", "x", "x.", "a", "b", "x.y yz", "x.y\nxx.y", "y.x", "z.y", "x y.yz", "1.y"] {
            assert!(!record.allows(other), "{other:?}");
        }
        let written = Record::write(&stamps, &permissions(&[]));
        let record = Record::counting(&mut values(Some(&written), Some("a"), Some("b"))).unwrap();
        assert!(!record.allows("x.y") && !record.allows("."));
    }

    #[test]
    fn a_record_counts_only_under_both_present_stamps() {
        let written = Record::write(&Stamps { us: "a".into(), ts: "b".into() }, &permissions(&["x.y"]));
        let written = Some(written.as_str());
        assert!(Record::counting(&mut values(written, Some("a"), Some("b"))).is_some());
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
            assert_eq!(Record::counting(&mut values(record, us, ts)), None, "{record:?} {us:?} {ts:?}");
        }
    }
}
