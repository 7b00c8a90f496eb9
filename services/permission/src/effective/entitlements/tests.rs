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
fn nothing_granted_is_nothing_allowed() {
    assert!(names(&held(&[])).is_empty());
}

#[test]
fn an_owner_holds_all_of_tenant_scope_also_what_is_dangerous() {
    assert_eq!(names(&held(&[Held::Owner])), TENANT_SCOPE);
    assert_eq!(names(&in_platform(&[Held::Owner])), TENANT_SCOPE);
}

#[test]
fn an_operator_holds_everything_but_only_in_a_platform_tenant() {
    assert_eq!(names(&in_platform(&[Held::Operator])).len(), 5);
    assert_eq!(names(&held(&[Held::Operator])), TENANT_SCOPE);
}

#[test]
fn a_member_holds_what_lists_member() {
    assert_eq!(names(&held(&[Held::Member])), ["forum.addPost"]);
}

#[test]
fn a_wildcard_covers_its_namespace_except_what_is_dangerous() {
    let mut entitlements = held(&[patterns(&["forum.*"])]);
    assert_eq!(names(&entitlements), ["forum.addPost", "forum.movePost"]);
    Arc::make_mut(&mut entitlements.context.registry).extend([entry("forum.pinPost"), entry("forumx.y")]);
    assert_eq!(names(&entitlements), ["forum.addPost", "forum.movePost", "forum.pinPost"]);
}

#[test]
fn what_is_dangerous_is_held_by_name() {
    assert_eq!(names(&held(&[patterns(&["forum.deleteForum"])])), ["forum.deleteForum"]);
}

#[test]
fn platform_scope_means_nothing_in_a_customer_tenant_even_by_name() {
    let mut entitlements = held(&[patterns(&["billing.readCycles", "billing.*"])]);
    assert_eq!(names(&entitlements), ["billing.readInvoices"]);
    entitlements.context.kind = TenantKind::Platform;
    assert_eq!(names(&entitlements), ["billing.readCycles", "billing.readInvoices"]);
}

#[test]
fn a_name_that_is_not_registered_gives_nothing() {
    assert!(names(&held(&[patterns(&["forum.removed"])])).is_empty());
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
fn nobody_grants_what_they_lack() {
    let member = held(&[Held::Member, patterns(&["billing.readInvoices"])]);
    assert!(lacks(&member, &forever(patterns(&["billing.readInvoices"]))).is_empty());
    assert!(lacks(&member, &forever(Held::Member)).is_empty());
    assert!(lacks(&member, &forever(patterns(&["forum.movePost"]))).contains("forum.movePost"));
    assert!(!lacks(&member, &forever(Held::Owner)).is_empty());
    let owner = held(&[Held::Owner]);
    for given in [Held::Owner, Held::Member, patterns(&["forum.*", "forum.deleteForum"])] {
        assert!(lacks(&owner, &forever(given.clone())).is_empty(), "{given:?}");
    }
}

#[test]
fn holding_all_of_today_is_not_holding_all_of_tomorrow() {
    let all_by_name = held(&[patterns(&["forum.addPost", "forum.movePost"])]);
    assert!(!lacks(&all_by_name, &forever(patterns(&["forum.*"]))).is_empty());
    assert!(lacks(&held(&[patterns(&["forum.*"])]), &forever(patterns(&["forum.*"]))).is_empty());
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
