use super::{
    super::{model::Role, pattern::Pattern},
    *,
};

fn entry(name: &str) -> PermissionEntry {
    PermissionEntry {
        name: name.into(),
        text: String::new(),
        dangerous: false,
        scope: Scope::Tenant,
        roles: Vec::new(),
        deprecated: false,
    }
}

fn registry() -> Vec<PermissionEntry> {
    vec![
        PermissionEntry { roles: vec!["member".into()], ..entry("forum.addPost") },
        entry("forum.movePost"),
        PermissionEntry { dangerous: true, ..entry("forum.deleteForum") },
        entry("billing.readInvoices"),
        PermissionEntry { scope: Scope::Platform, ..entry("billing.readCycles") },
    ]
}

fn held(held: &[Held]) -> Entitlements {
    let grants = held.iter().cloned().map(forever).collect();
    TenantContext { kind: TenantKind::Customer, version: 0, registry: Arc::new(registry()) }.entitlements(grants)
}

fn in_platform(grants: &[Held]) -> Entitlements {
    let mut entitlements = held(grants);
    entitlements.context.kind = TenantKind::Platform;
    entitlements
}

fn forever(held: Held) -> Grant {
    until(held, None)
}

fn until(held: Held, expires_at: Option<DateTime<Utc>>) -> Grant {
    Grant { held, effect: Effect::Allow, expires_at, source: None }
}

fn denied(held: Held) -> Grant {
    Grant { effect: Effect::Deny, ..forever(held) }
}

fn role(name: &str, texts: &[&str], includes: Vec<Held>) -> Held {
    let patterns = texts.iter().map(|text| text.parse().unwrap()).collect();
    Held::Role(Arc::new(Role { name: name.into(), patterns, includes }))
}

fn lacks(entitlements: &Entitlements, wanted: &Grant) -> BTreeSet<String> {
    entitlements.lacks(wanted, None, second(0))
}

fn patterns(texts: &[&str]) -> Held {
    Held::Patterns(texts.iter().map(|text| text.parse().unwrap()).collect())
}

fn second(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(second, 0).unwrap()
}

fn names(entitlements: &Entitlements) -> Vec<String> {
    entitlements.at(second(0)).permissions.into_iter().collect()
}

const TENANT_SCOPE: [&str; 4] = ["billing.readInvoices", "forum.addPost", "forum.deleteForum", "forum.movePost"];

#[test]
fn roles_and_patterns_give_what_means_something_in_a_tenant_of_that_kind() {
    let (add, invoices, delete) = ("forum.addPost", "billing.readInvoices", "forum.deleteForum");
    let everything = ["billing.readCycles", invoices, add, delete, "forum.movePost"];
    for (given, customer, platform) in [
        (vec![], &[][..], &[][..]),
        (vec![Held::Owner], &TENANT_SCOPE, &TENANT_SCOPE),
        (vec![Held::Operator], &TENANT_SCOPE, &everything),
        (vec![Held::Member], &[add], &[add]),
        // A wildcard leaves out what is dangerous, which is held by name.
        (vec![patterns(&["forum.*"])], &[add, "forum.movePost"], &[add, "forum.movePost"]),
        (vec![patterns(&[delete])], &[delete], &[delete]),
        (vec![patterns(&["billing.readCycles", "billing.*"])], &[invoices], &["billing.readCycles", invoices]),
        (vec![patterns(&["forum.notRegistered"])], &[], &[]),
    ] {
        assert_eq!(names(&held(&given)), customer, "{given:?}");
        assert_eq!(names(&in_platform(&given)), platform, "{given:?}");
    }
}

#[test]
fn a_wildcard_covers_what_its_namespace_gets_later() {
    let mut entitlements = held(&[patterns(&["forum.*"])]);
    Arc::make_mut(&mut entitlements.context.registry).extend([entry("forum.pinPost"), entry("forumx.y")]);
    assert_eq!(names(&entitlements), ["forum.addPost", "forum.movePost", "forum.pinPost"]);
}

#[test]
fn a_grant_ends_at_its_expiry_and_bounds_the_record_until_then() {
    let mut entitlements = held(&[Held::Member]);
    entitlements.grants.push(until(patterns(&["forum.movePost"]), Some(second(10))));
    entitlements.grants.push(until(Held::Owner, Some(second(5))));
    assert_eq!(entitlements.at(second(4)).until, Some(second(5)));
    let after_owner = entitlements.at(second(5));
    assert_eq!(after_owner.permissions.into_iter().collect::<Vec<_>>(), ["forum.addPost", "forum.movePost"]);
    assert_eq!(after_owner.until, Some(second(10)));
    assert_eq!(entitlements.at(second(10)).until, None);
}

#[test]
fn nobody_grants_what_they_lack_now_or_of_what_comes_later() {
    let member = [Held::Member, patterns(&["billing.readInvoices"])];
    let all_of_today = [patterns(&["forum.addPost", "forum.movePost"])];
    for (own, given, may) in [
        (&member[..], patterns(&["billing.readInvoices"]), true),
        (&member, Held::Member, true),
        (&member, patterns(&["forum.movePost"]), false),
        (&member, Held::Owner, false),
        (&[Held::Owner], Held::Owner, true),
        (&[Held::Owner], Held::Member, true),
        (&[Held::Owner], patterns(&["forum.*", "forum.deleteForum"]), true),
        (&all_of_today, patterns(&["forum.*"]), false),
        (&[patterns(&["forum.*"])], patterns(&["forum.*"]), true),
    ] {
        assert_eq!(lacks(&held(own), &forever(given.clone())).is_empty(), may, "{own:?} {given:?}");
    }
}

#[test]
fn an_owner_of_the_platform_is_not_its_operator() {
    let mut entitlements = in_platform(&[Held::Owner]);
    assert!(!lacks(&entitlements, &forever(Held::Operator)).is_empty());
    assert!(!lacks(&entitlements, &forever(patterns(&["billing.*"]))).is_empty());
    entitlements.grants.push(forever(Held::Operator));
    assert!(lacks(&entitlements, &forever(Held::Operator)).is_empty());
}

#[test]
fn what_ends_cannot_be_granted_for_longer() {
    let mut entitlements = held(&[]);
    entitlements.grants.push(until(Held::Owner, Some(second(10))));
    assert!(!lacks(&entitlements, &forever(Held::Owner)).is_empty());
    assert!(lacks(&entitlements, &until(Held::Owner, Some(second(10)))).is_empty());
    assert!(!lacks(&entitlements, &until(Held::Owner, Some(second(11)))).is_empty());
}

#[test]
fn patterns_read_back_as_written_and_others_are_refused() {
    for text in ["forum.*", "forum.addPost", "my-forum.*"] {
        assert_eq!(text.parse::<Pattern>().unwrap().to_string(), text);
    }
    for text in ["", "*", "forum", "forum.", ".x", "forum.a.b", "forum.a*", "*.x", "fo rum.x"] {
        assert!(text.parse::<Pattern>().is_err(), "{text}");
    }
}

#[test]
fn a_denial_wins_over_every_allowance() {
    let mut entitlements = held(&[Held::Owner, patterns(&["forum.addPost"])]);
    entitlements.grants.push(denied(patterns(&["forum.addPost"])));
    assert_eq!(names(&entitlements), ["billing.readInvoices", "forum.deleteForum", "forum.movePost"]);
    entitlements.grants.push(denied(Held::Owner));
    assert!(names(&entitlements).is_empty());
}

#[test]
fn a_wildcard_that_denies_leaves_out_nothing() {
    let mut entitlements = held(&[Held::Owner]);
    entitlements.grants.push(denied(patterns(&["forum.*"])));
    assert_eq!(names(&entitlements), ["billing.readInvoices"]);
}

#[test]
fn a_denial_ends_at_its_expiry_and_bounds_the_record_until_then() {
    let mut entitlements = held(&[patterns(&["forum.addPost"])]);
    entitlements.grants.push(Grant { expires_at: Some(second(5)), ..denied(Held::Owner) });
    assert_eq!((entitlements.at(second(4)).permissions.len(), entitlements.at(second(4)).until), (0, Some(second(5))));
    assert_eq!(entitlements.at(second(5)).permissions.len(), 1);
}

#[test]
fn what_is_denied_cannot_be_granted_nor_its_denial_lifted_by_oneself() {
    let mut entitlements = held(&[Held::Owner]);
    let denial = Grant { expires_at: Some(second(5)), ..denied(patterns(&["forum.*"])) };
    entitlements.grants.push(denial.clone());
    assert!(lacks(&entitlements, &forever(patterns(&["billing.readInvoices"]))).is_empty());
    assert!(
        lacks(&entitlements, &forever(patterns(&["forum.addPost"]))).contains("forum.addPost"),
        "also for when the denial has ended"
    );
    assert!(lacks(&entitlements, &denial).contains("forum.deleteForum"));
    assert!(lacks(&held(&[Held::Owner]), &denial).is_empty());
}

#[test]
fn a_role_holds_what_it_includes() {
    let helper = role("helper", &["forum.movePost"], vec![Held::Member]);
    let entitlements = held(&[role("moderator", &["billing.*"], vec![helper.clone(), helper])]);
    assert_eq!(names(&entitlements), ["billing.readInvoices", "forum.addPost", "forum.movePost"]);
    assert!(lacks(&entitlements, &forever(Held::Member)).is_empty());
    assert!(!lacks(&entitlements, &forever(role("x", &["forum.deleteForum"], Vec::new()))).is_empty());
}

#[test]
fn an_edit_gives_only_what_is_new() {
    let editor = held(&[patterns(&["forum.addPost"])]);
    let (before, after) = (patterns(&["billing.*"]), patterns(&["billing.*", "forum.addPost"]));
    assert!(editor.lacks(&forever(after.clone()), Some(&before), second(0)).is_empty());
    assert!(!editor.lacks(&forever(after), None, second(0)).is_empty());
}

#[test]
fn ten_thousand_grants_are_gathered_once() {
    let many: Vec<Held> = (0..10_000).map(|n| patterns(&[&format!("forum.p{n}")])).collect();
    let mut entitlements = held(&many);
    entitlements.context.registry = Arc::new((0..10_000).map(|n| entry(&format!("forum.p{n}"))).collect());
    assert_eq!(names(&entitlements).len(), 10_000);
}
