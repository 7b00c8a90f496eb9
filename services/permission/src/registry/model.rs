//! Changes of a namespace when a new list of its permissions arrives.

use contracts::manifest::PermissionEntry;

/// The changes, to be applied together.
#[derive(Debug, Default, PartialEq)]
pub struct Plan {
    /// New or changed.
    pub written: Vec<PermissionEntry>,
    /// What the changed and the removed were before.
    pub replaced: Vec<PermissionEntry>,
    pub removed: Vec<String>,
    /// Those of the removed that were not deprecated before: nobody may have them.
    pub sudden: Vec<String>,
    /// Whether anybody may do more or less after it; a new text alone changes nothing.
    pub affects_access: bool,
}

impl Plan {
    /// The list is all there is from now on.
    pub fn replacing(known: &[PermissionEntry], list: &[PermissionEntry]) -> Self {
        let gone: Vec<&PermissionEntry> = known.iter().filter(|entry| find(list, &entry.name).is_none()).collect();
        let removed: Vec<String> = gone.iter().map(|entry| entry.name.clone()).collect();
        let sudden = gone.iter().filter(|entry| !entry.deprecated).map(|entry| entry.name.clone()).collect();
        let extending = Self::extending(known, list);
        let replaced = extending.replaced.iter().chain(gone).cloned().collect();
        Self { affects_access: extending.affects_access || !removed.is_empty(), removed, sudden, replaced, ..extending }
    }

    /// The list adds and corrects; what it does not name stays, because instances of older versions still ask for it.
    pub fn extending(known: &[PermissionEntry], list: &[PermissionEntry]) -> Self {
        let written: Vec<PermissionEntry> =
            list.iter().filter(|entry| find(known, &entry.name) != Some(entry)).cloned().collect();
        let affects_access =
            written.iter().any(|entry| find(known, &entry.name).is_none_or(|before| !same_access(before, entry)));
        let replaced = written.iter().filter_map(|entry| find(known, &entry.name)).cloned().collect();
        Self { written, replaced, affects_access, ..Self::default() }
    }

    /// The list only adds what is missing: it is older than what is known.
    pub fn completing(known: &[PermissionEntry], list: &[PermissionEntry]) -> Self {
        let missing: Vec<PermissionEntry> =
            list.iter().filter(|entry| find(known, &entry.name).is_none()).cloned().collect();
        Self::extending(known, &missing)
    }
}

fn find<'a>(entries: &'a [PermissionEntry], name: &str) -> Option<&'a PermissionEntry> {
    entries.iter().find(|entry| entry.name == name)
}

fn same_access(one: &PermissionEntry, other: &PermissionEntry) -> bool {
    (one.dangerous, one.scope, &one.roles) == (other.dangerous, other.scope, &other.roles)
}

/// Whether version `new` is at least `known`; both look like 1.0.0.
pub fn at_least(new: &str, known: &str) -> bool {
    let parts =
        |version: &str| version.split('.').map(|part| part.parse::<u32>().unwrap_or_default()).collect::<Vec<_>>();
    parts(new) >= parts(known)
}

#[cfg(test)]
mod tests {
    use super::*;
    use contracts::manifest::Scope;

    fn entry(name: &str, text: &str) -> PermissionEntry {
        PermissionEntry {
            name: name.into(),
            text: text.into(),
            dangerous: false,
            scope: Scope::Tenant,
            roles: Vec::new(),
            deprecated: false,
        }
    }

    #[test]
    fn the_same_list_changes_nothing() {
        let list = [entry("x.a", "A"), entry("x.b", "B")];
        assert_eq!(Plan::replacing(&list, &list), Plan::default());
    }

    #[test]
    fn a_new_text_is_written_and_affects_nobody() {
        let plan = Plan::replacing(&[entry("x.a", "A")], &[entry("x.a", "Aa")]);
        assert_eq!((plan.written.len(), plan.affects_access), (1, false));
    }

    #[test]
    fn what_is_added_removed_or_made_dangerous_affects_access() {
        let known = [entry("x.a", "A")];
        assert!(Plan::replacing(&known, &[entry("x.a", "A"), entry("x.b", "B")]).affects_access);
        assert!(Plan::replacing(&known, &[PermissionEntry { dangerous: true, ..entry("x.a", "A") }]).affects_access);
        let removal = Plan::replacing(&known, &[]);
        assert_eq!((removal.removed.as_slice(), removal.affects_access), (["x.a".to_owned()].as_slice(), true));
        assert_eq!(removal.sudden, removal.removed);
    }

    #[test]
    fn what_was_deprecated_before_goes_unhindered() {
        let deprecated = PermissionEntry { deprecated: true, ..entry("x.a", "A") };
        assert!(!Plan::replacing(&[entry("x.a", "A")], std::slice::from_ref(&deprecated)).affects_access);
        let plan = Plan::replacing(&[deprecated], &[]);
        assert_eq!((plan.removed.len(), plan.sudden.len()), (1, 0));
    }

    #[test]
    fn an_older_list_only_fills_gaps() {
        let plan = Plan::completing(&[entry("x.a", "new")], &[entry("x.a", "old"), entry("x.b", "B")]);
        assert_eq!((plan.written, plan.removed.len()), (vec![entry("x.b", "B")], 0));
    }

    #[test]
    fn versions_are_numbers() {
        assert!(at_least("1.10.0", "1.9.9") && at_least("1.0.0", "1.0.0") && !at_least("1.9.9", "1.10.0"));
    }
}
