//! What answers tell browsers and caches: headers of every answer, and what other origins may ask.

use crate::service::{Service, limits, start};
use reqwest::{Client, Method, Response, redirect::Policy};

async fn send(service: &Service, method: Method, path: &str, headers: &[(&str, &str)]) -> Response {
    let client = Client::builder().redirect(Policy::none()).build().unwrap();
    let request = client.request(method, format!("http://{}{path}", service.api));
    headers.iter().fold(request, |request, (name, value)| request.header(*name, *value)).send().await.unwrap()
}

fn header<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
    response.headers().get(name).map(|value| value.to_str().unwrap())
}

const PREFLIGHT: [(&str, &str); 3] = [
    ("origin", "https://app.example.com"),
    ("access-control-request-method", "POST"),
    (
        "access-control-request-headers",
        "authorization,content-type,idempotency-key,if-match,traceparent,tracestate,x-request-id",
    ),
];

#[tokio::test]
async fn no_answer_is_taken_for_another_type() {
    let service = start(limits()).await;
    for (method, path) in [
        (Method::GET, "/ok"),
        (Method::GET, "/nowhere"),
        (Method::PUT, "/ok"),
        (Method::GET, "/docs/"),
        (Method::GET, "/openapi.json"),
    ] {
        let answer = send(&service, method.clone(), path, &[]).await;
        assert_eq!(header(&answer, "x-content-type-options"), Some("nosniff"), "{method} {path}");
    }
    assert_eq!(
        header(&send(&service, Method::OPTIONS, "/ok", &PREFLIGHT).await, "x-content-type-options"),
        Some("nosniff")
    );
    for path in ["/healthz", "/readyz", "/metrics", "/nowhere"] {
        let answer = Client::new().get(format!("http://{}{path}", service.ops)).send().await.unwrap();
        assert_eq!(header(&answer, "x-content-type-options"), Some("nosniff"), "{path}");
    }
}

#[tokio::test]
async fn what_was_given_for_a_credential_stays_in_no_cache() {
    let service = start(limits()).await;
    for credential in [("authorization", "Bearer x"), ("cookie", "a=b")] {
        assert_eq!(header(&send(&service, Method::GET, "/ok", &[credential]).await, "cache-control"), Some("no-store"));
        assert_eq!(
            header(&send(&service, Method::GET, "/own", &[credential]).await, "cache-control"),
            Some("max-age=60"),
            "the handler knows better"
        );
    }
    assert_eq!(header(&send(&service, Method::GET, "/ok", &[]).await, "cache-control"), None);
}

#[tokio::test]
async fn a_frontend_may_trace_and_repeat_its_requests_and_read_what_is_answered() {
    let service = start(limits()).await;
    let answer = send(&service, Method::OPTIONS, "/ok", &PREFLIGHT).await;
    assert_eq!(header(&answer, "access-control-max-age"), Some("86400"));
    let actual = send(&service, Method::GET, "/ok", &PREFLIGHT[..1]).await;
    let exposed = header(&actual, "access-control-expose-headers").unwrap();
    for name in [
        "etag",
        "idempotency-replayed",
        "link",
        "location",
        "ratelimit-limit",
        "ratelimit-remaining",
        "ratelimit-reset",
        "retry-after",
        "x-request-id",
        "x-version",
    ] {
        assert!(exposed.split(',').any(|shown| shown.trim() == name), "{name} is not in '{exposed}'");
    }
    let varies: Vec<_> = actual.headers().get_all("vary").iter().map(|value| value.to_str().unwrap()).collect();
    assert!(varies.join(",").contains("origin"), "{varies:?}");
    let allowed: Vec<_> = header(&answer, "access-control-allow-headers").unwrap().split(',').map(str::trim).collect();
    for asked in PREFLIGHT[2].1.split(',') {
        assert!(allowed.contains(&asked), "{asked} is not among {allowed:?}");
    }
}

#[tokio::test]
async fn a_page_of_another_origin_may_not_read_what_is_answered() {
    let service = start(limits()).await;
    let allowed = async |origin: &str, method: Method, path: &str| {
        let mut asked = PREFLIGHT;
        asked[0].1 = origin;
        let answer = send(&service, method, path, &asked).await;
        header(&answer, "access-control-allow-origin").map(str::to_owned)
    };
    for (method, path) in [(Method::OPTIONS, "/ok"), (Method::GET, "/ok"), (Method::GET, "/nowhere")] {
        let own = allowed("https://app.example.com", method.clone(), path).await;
        assert_eq!(own.as_deref(), Some("https://app.example.com"), "{method} {path}");
        for other in [
            "null",
            "https://evil.test",
            "http://app.example.com",
            "https://app.example.com:8443",
            "https://app.example.com.evil.test",
            "https://sub.app.example.com",
        ] {
            assert_eq!(allowed(other, method.clone(), path).await, None, "{method} {path} {other}");
        }
    }
}

#[tokio::test]
async fn swagger_runs_in_nobodys_frame_and_loads_nothing_of_others() {
    let service = start(limits()).await;
    for path in ["/docs/", "/docs/swagger-initializer.js"] {
        let answer = send(&service, Method::GET, path, &[]).await;
        let policy = header(&answer, "content-security-policy").unwrap();
        assert!(
            policy.contains("default-src 'none'")
                && policy.contains("script-src 'self';")
                && policy.contains("frame-ancestors 'none'"),
            "{policy}"
        );
        assert_eq!(header(&answer, "x-frame-options"), Some("DENY"));
    }
}

#[tokio::test]
async fn a_browser_is_sent_to_the_documentation_and_a_program_is_not() {
    let service = start(limits()).await;
    let browser = send(&service, Method::GET, "/", &[("accept", "text/html,application/xhtml+xml")]).await;
    assert_eq!(
        (browser.status().as_u16(), header(&browser, "location"), header(&browser, "vary").is_some()),
        (307, Some("/docs/"), true)
    );
    for accept in ["application/json", "*/*"] {
        let program = send(&service, Method::GET, "/", &[("accept", accept)]).await;
        assert_eq!(
            (program.status().as_u16(), header(&program, "content-type")),
            (404, Some("application/problem+json"))
        );
    }
}
