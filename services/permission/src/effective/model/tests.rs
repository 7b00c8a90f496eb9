use super::*;

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

fn catalog() -> Vec<PermissionEntry> {
    vec![
        PermissionEntry { roles: vec!["member".into()], ..entry("forum.addPost") },
        entry("forum.movePost"),
        PermissionEntry { dangerous: true, ..entry("forum.deleteForum") },
        entry("billing.readInvoices"),
        PermissionEntry { scope: Scope::Platform, ..entry("billing.readCycles") },
    ]
}

fn held(held: &[Held]) -> Standing {
    let grants = held.iter().cloned().map(forever).collect();
    Standing { catalog: Arc::new(catalog()), kind: TenantKind::Customer, grants }
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

fn lacks(standing: &Standing, wanted: &Grant) -> BTreeSet<String> {
    standing.lacks(wanted, None, second(0))
}

fn patterns(texts: &[&str]) -> Held {
    Held::Patterns(texts.iter().map(|text| text.parse().unwrap()).collect())
}

fn second(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(second, 0).unwrap()
}

fn names(standing: &Standing) -> Vec<String> {
    standing.at(second(0)).permissions.into_iter().collect()
}

const TENANT_SCOPE: [&str; 4] = ["billing.readInvoices", "forum.addPost", "forum.deleteForum", "forum.movePost"];

#[test]
fn nothing_granted_is_nothing_allowed() {
    assert!(names(&held(&[])).is_empty());
}

#[test]
fn an_owner_holds_all_of_tenant_scope_also_what_is_dangerous() {
    assert_eq!(names(&held(&[Held::Owner])), TENANT_SCOPE);
    let in_platform = Standing { kind: TenantKind::Platform, ..held(&[Held::Owner]) };
    assert_eq!(names(&in_platform), TENANT_SCOPE);
}

#[test]
fn an_operator_holds_everything_but_only_in_a_platform_tenant() {
    let in_platform = Standing { kind: TenantKind::Platform, ..held(&[Held::Operator]) };
    assert_eq!(names(&in_platform).len(), 5);
    assert_eq!(names(&held(&[Held::Operator])), TENANT_SCOPE);
}

#[test]
fn a_member_holds_what_lists_member() {
    assert_eq!(names(&held(&[Held::Member])), ["forum.addPost"]);
}

#[test]
fn a_wildcard_covers_its_namespace_except_what_is_dangerous() {
    let mut standing = held(&[patterns(&["forum.*"])]);
    assert_eq!(names(&standing), ["forum.addPost", "forum.movePost"]);
    Arc::make_mut(&mut standing.catalog).extend([entry("forum.pinPost"), entry("forumx.y")]);
    assert_eq!(names(&standing), ["forum.addPost", "forum.movePost", "forum.pinPost"]);
}

#[test]
fn what_is_dangerous_is_held_by_name() {
    assert_eq!(names(&held(&[patterns(&["forum.deleteForum"])])), ["forum.deleteForum"]);
}

#[test]
fn platform_scope_means_nothing_in_a_customer_tenant_even_by_name() {
    let mut standing = held(&[patterns(&["billing.readCycles", "billing.*"])]);
    assert_eq!(names(&standing), ["billing.readInvoices"]);
    standing.kind = TenantKind::Platform;
    assert_eq!(names(&standing), ["billing.readCycles", "billing.readInvoices"]);
}

#[test]
fn a_name_outside_the_catalog_gives_nothing() {
    assert!(names(&held(&[patterns(&["forum.removed"])])).is_empty());
}

#[test]
fn a_grant_ends_at_its_expiry_and_bounds_the_record_until_then() {
    let mut standing = held(&[Held::Member]);
    standing.grants.push(until(patterns(&["forum.movePost"]), Some(second(10))));
    standing.grants.push(until(Held::Owner, Some(second(5))));
    assert_eq!(standing.at(second(4)).until, Some(second(5)));
    let after_owner = standing.at(second(5));
    assert_eq!(after_owner.permissions.into_iter().collect::<Vec<_>>(), ["forum.addPost", "forum.movePost"]);
    assert_eq!(after_owner.until, Some(second(10)));
    assert_eq!(standing.at(second(10)).until, None);
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
    let mut standing = Standing { kind: TenantKind::Platform, ..held(&[Held::Owner]) };
    assert!(!lacks(&standing, &forever(Held::Operator)).is_empty());
    assert!(!lacks(&standing, &forever(patterns(&["billing.*"]))).is_empty());
    standing.grants.push(forever(Held::Operator));
    assert!(lacks(&standing, &forever(Held::Operator)).is_empty());
}

#[test]
fn what_ends_cannot_be_granted_for_longer() {
    let mut standing = held(&[]);
    standing.grants.push(until(Held::Owner, Some(second(10))));
    assert!(!lacks(&standing, &forever(Held::Owner)).is_empty());
    assert!(lacks(&standing, &until(Held::Owner, Some(second(10)))).is_empty());
    assert!(!lacks(&standing, &until(Held::Owner, Some(second(11)))).is_empty());
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
    let mut standing = held(&[Held::Owner, patterns(&["forum.addPost"])]);
    standing.grants.push(denied(patterns(&["forum.addPost"])));
    assert_eq!(names(&standing), ["billing.readInvoices", "forum.deleteForum", "forum.movePost"]);
    standing.grants.push(denied(Held::Owner));
    assert!(names(&standing).is_empty());
}

#[test]
fn a_wildcard_that_denies_leaves_out_nothing() {
    let mut standing = held(&[Held::Owner]);
    standing.grants.push(denied(patterns(&["forum.*"])));
    assert_eq!(names(&standing), ["billing.readInvoices"]);
}

#[test]
fn a_denial_ends_at_its_expiry_and_bounds_the_record_until_then() {
    let mut standing = held(&[patterns(&["forum.addPost"])]);
    standing.grants.push(Grant { expires_at: Some(second(5)), ..denied(Held::Owner) });
    assert_eq!((standing.at(second(4)).permissions.len(), standing.at(second(4)).until), (0, Some(second(5))));
    assert_eq!(standing.at(second(5)).permissions.len(), 1);
}

#[test]
fn what_is_denied_cannot_be_granted_nor_its_denial_lifted_by_oneself() {
    let mut standing = held(&[Held::Owner]);
    let denial = Grant { expires_at: Some(second(5)), ..denied(patterns(&["forum.*"])) };
    standing.grants.push(denial.clone());
    assert!(lacks(&standing, &forever(patterns(&["billing.readInvoices"]))).is_empty());
    assert!(
        lacks(&standing, &forever(patterns(&["forum.addPost"]))).contains("forum.addPost"),
        "also for when the denial has ended"
    );
    assert!(lacks(&standing, &denial).contains("forum.deleteForum"));
    assert!(lacks(&held(&[Held::Owner]), &denial).is_empty());
}

#[test]
fn a_role_holds_what_it_includes() {
    let helper = role("helper", &["forum.movePost"], vec![Held::Member]);
    let standing = held(&[role("moderator", &["billing.*"], vec![helper.clone(), helper])]);
    assert_eq!(names(&standing), ["billing.readInvoices", "forum.addPost", "forum.movePost"]);
    assert!(lacks(&standing, &forever(Held::Member)).is_empty());
    assert!(!lacks(&standing, &forever(role("x", &["forum.deleteForum"], Vec::new()))).is_empty());
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
    let mut standing = held(&many);
    standing.catalog = Arc::new((0..10_000).map(|n| entry(&format!("forum.p{n}"))).collect());
    assert_eq!(names(&standing).len(), 10_000);
}
