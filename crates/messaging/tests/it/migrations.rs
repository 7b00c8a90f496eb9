//! The tables are the same in every service.

#[test]
fn every_service_has_the_same_outbox_and_inbox() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../migrations");
    let of = |service: &str| std::fs::read_to_string(format!("{folder}/{service}/0001_messaging.sql")).unwrap();
    for service in ["permission", "billing", "configurator", "mailer", "worker"] {
        assert_eq!(of(service), of("auth"), "{service}");
    }
}
