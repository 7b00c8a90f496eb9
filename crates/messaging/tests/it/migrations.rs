//! The tables are the same in every service.

#[test]
fn every_service_has_the_same_outbox_and_inbox() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../migrations");
    for file in ["0001_messaging.sql", "0021_outbox_waits.sql"] {
        let of = |service: &str| std::fs::read_to_string(format!("{folder}/{service}/{file}")).unwrap();
        for service in ["permission", "billing", "configurator", "mailer", "worker"] {
            assert_eq!(of(service), of("auth"), "{file} of {service}");
        }
    }
}
