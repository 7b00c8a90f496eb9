//! What lies in Redis, and when does it count? A record counts only under the stamps it was made under.
//!
//! Keys of a tenant share its hash slot: `{tid}:rec:{principal}`, `{tid}:us:{principal}`, `{tid}:ts`, `{tid}:sess:{sid}`.
//! Whoever fills reads the stamps before the database, so a record made of rows older than a revocation carries an older stamp.
//! `crates/access-model` walks through every history of this.

use contracts::id::{Principal, SessionId, TenantId};
use std::collections::BTreeSet;

/// The two stamps of a record: the principal's and the tenant's.
#[derive(Clone, Debug, PartialEq)]
pub struct Stamps {
    pub(super) us: String,
    pub(super) ts: String,
}

/// The keys of one check: record, the two stamps, session.
pub(super) type Keys = [String; 4];

/// What Redis holds under them.
pub(super) type Values = [Option<Vec<u8>>; 4];

pub(super) fn key(prefix: &str, tenant: TenantId, rest: &str) -> String {
    format!("{prefix}{{{tenant}}}:{rest}")
}

pub(super) fn keys(prefix: &str, tenant: TenantId, principal: &Principal, session: SessionId) -> Keys {
    [format!("rec:{principal}"), format!("us:{principal}"), "ts".to_owned(), format!("sess:{session}")].map(|rest| key(prefix, tenant, &rest))
}

/// A record that counts: the names of permissions, each ended by a line break.
#[derive(Debug, PartialEq)]
pub(super) struct Record {
    text: String,
    /// Where the names begin, behind the stamps.
    names: usize,
}

impl Record {
    pub fn write(stamps: &Stamps, permissions: &BTreeSet<String>) -> String {
        let names: String = permissions.iter().flat_map(|name| [name.as_str(), "\n"]).collect();
        format!("{}\n{}\n{names}", stamps.us, stamps.ts)
    }

    /// The record among the values of a check, if both stamps exist and are those it was made under.
    pub fn counting(values: &mut Values) -> Option<Self> {
        let [record, us, ts, _] = values;
        let text = String::from_utf8(record.take()?).ok()?;
        let (us, ts) = (std::str::from_utf8(us.as_deref()?).ok()?, std::str::from_utf8(ts.as_deref()?).ok()?);
        let names = text.strip_prefix(us)?.strip_prefix('\n')?.strip_prefix(ts)?.strip_prefix('\n')?.len();
        Some(Self { names: text.len() - names, text })
    }

    pub fn allows(&self, permission: &str) -> bool {
        self.text[self.names..].split_terminator('\n').any(|name| name == permission)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(record: Option<&str>, us: Option<&str>, ts: Option<&str>) -> Values {
        [record, us, ts, None].map(|text| text.map(|text| text.as_bytes().to_vec()))
    }

    #[test]
    fn a_record_counts_only_under_both_present_stamps() {
        let stamps = Stamps { us: "a".into(), ts: "b".into() };
        let written = Record::write(&stamps, &BTreeSet::from(["x.y".to_owned(), "x.yz".to_owned()]));
        let record = Record::counting(&mut values(Some(&written), Some("a"), Some("b"))).unwrap();
        assert!(record.allows("x.y") && record.allows("x.yz"));
        for other in ["x", "x.", "a", "b", "", "x.y\nx.yz"] {
            assert!(!record.allows(other), "{other}");
        }
        let written = Some(written.as_str());
        for (record, us, ts) in [
            (None, Some("a"), Some("b")),
            (written, None, Some("b")),
            (written, Some("a"), None),
            (written, Some("z"), Some("b")),
            (written, Some("a"), Some("")),
            (written, Some(""), Some("a")),
            (Some("a"), Some("a"), Some("b")),
        ] {
            assert_eq!(Record::counting(&mut values(record, us, ts)), None, "{record:?} {us:?} {ts:?}");
        }
    }
}
