//! The host that a request is for: none may say it in two ways, as what is in front of us could believe the other one.

use crate::service::{Service, ask, limits, start};

async fn status(service: &Service, head: &str) -> (u16, String) {
    let answer = ask(service.api, &format!("{head}\r\nConnection: close\r\n\r\n")).await;
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
    (status, answer)
}

#[tokio::test]
async fn a_request_names_its_host_once() {
    let service = start(limits()).await;
    for head in [
        "GET /ok HTTP/1.1\r\nHost: acme.test",
        "GET http://acme.test/ok HTTP/1.1\r\nHost: acme.test",
        "GET http://acme.test:80/ok HTTP/1.1\r\nHost: ACME.test",
        "GET https://acme.test:443/ok HTTP/1.1\r\nHost: acme.test",
        "GET http://acme.test/ok HTTP/1.0",
        "GET /ok HTTP/1.0\r\nHost: acme.test",
        "GET /ok HTTP/1.1\r\nHost: acme.test:8010",
        "GET /ok HTTP/1.1\r\nHost: [::1]:80",
    ] {
        let (status, answer) = status(&service, head).await;
        assert_eq!(status, 200, "{head}: {answer}");
    }
    for head in [
        "GET /ok HTTP/1.1",
        "GET /ok HTTP/1.0",
        "GET /ok HTTP/1.1\r\nHost: acme.test\r\nHost: acme.test",
        "GET /ok HTTP/1.1\r\nHost: acme.test\r\nHost: bank.test",
        "GET /ok HTTP/1.1\r\nHost:",
        "GET /ok HTTP/1.1\r\nHost: acme.test, bank.test",
        "GET /ok HTTP/1.1\r\nHost: user@acme.test",
        "GET /ok HTTP/1.1\r\nHost: acme.test/path",
        "GET http://user@acme.test/ok HTTP/1.1\r\nHost: acme.test",
        "GET http://bank.test/ok HTTP/1.1\r\nHost: acme.test",
        "GET http://acme.test:81/ok HTTP/1.1\r\nHost: acme.test",
        "GET /no/such/address HTTP/1.1\r\nHost: acme.test\r\nHost: bank.test",
    ] {
        let (status, answer) = status(&service, head).await;
        assert_eq!(status, 400, "{head}: {answer}");
        assert!(
            answer.contains("\"host_invalid\"") && answer.contains("content-type: application/problem+json"),
            "{head}: {answer}"
        );
    }
}
