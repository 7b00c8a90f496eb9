use super::*;

fn entry(name: &str) -> PermissionEntry {
    PermissionEntry { name: name.into(), text: String::new(), dangerous: false, scope: Scope::Tenant, roles: Vec::new() }
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
    Standing { catalog: catalog(), kind: TenantKind::Customer, grants }
}

fn forever(held: Held) -> Grant {
    Grant { held, expires_at: None }
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
    standing.catalog.push(entry("forum.pinPost"));
    standing.catalog.push(entry("forumx.y"));
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
    standing.grants.push(Grant { held: patterns(&["forum.movePost"]), expires_at: Some(second(10)) });
    standing.grants.push(Grant { held: Held::Owner, expires_at: Some(second(5)) });
    assert_eq!(standing.at(second(4)).until, Some(second(5)));
    let after_owner = standing.at(second(5));
    assert_eq!(after_owner.permissions.into_iter().collect::<Vec<_>>(), ["forum.addPost", "forum.movePost"]);
    assert_eq!(after_owner.until, Some(second(10)));
    assert_eq!(standing.at(second(10)).until, None);
}

#[test]
fn nobody_grants_what_they_lack() {
    let member = held(&[Held::Member, patterns(&["billing.readInvoices"])]);
    assert!(member.lacks(&forever(patterns(&["billing.readInvoices"]))).is_empty());
    assert!(member.lacks(&forever(Held::Member)).is_empty());
    assert!(member.lacks(&forever(patterns(&["forum.movePost"]))).contains("forum.movePost"));
    assert!(!member.lacks(&forever(Held::Owner)).is_empty());
    let owner = held(&[Held::Owner]);
    for given in [Held::Owner, Held::Member, patterns(&["forum.*", "forum.deleteForum"])] {
        assert!(owner.lacks(&forever(given.clone())).is_empty(), "{given:?}");
    }
}

#[test]
fn holding_all_of_today_is_not_holding_all_of_tomorrow() {
    let all_by_name = held(&[patterns(&["forum.addPost", "forum.movePost"])]);
    assert!(!all_by_name.lacks(&forever(patterns(&["forum.*"]))).is_empty());
    assert!(held(&[patterns(&["forum.*"])]).lacks(&forever(patterns(&["forum.*"]))).is_empty());
}

#[test]
fn an_owner_of_the_platform_is_not_its_operator() {
    let mut standing = Standing { kind: TenantKind::Platform, ..held(&[Held::Owner]) };
    assert!(!standing.lacks(&forever(Held::Operator)).is_empty());
    assert!(!standing.lacks(&forever(patterns(&["billing.*"]))).is_empty());
    standing.grants.push(forever(Held::Operator));
    assert!(standing.lacks(&forever(Held::Operator)).is_empty());
}

#[test]
fn what_ends_cannot_be_granted_for_longer() {
    let mut standing = held(&[]);
    standing.grants.push(Grant { held: Held::Owner, expires_at: Some(second(10)) });
    assert!(!standing.lacks(&forever(Held::Owner)).is_empty());
    assert!(standing.lacks(&Grant { held: Held::Owner, expires_at: Some(second(10)) }).is_empty());
    assert!(!standing.lacks(&Grant { held: Held::Owner, expires_at: Some(second(11)) }).is_empty());
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
