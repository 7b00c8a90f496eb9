//! What the server adds to answers: compression of large ones, and the address of the next page.

use crate::service::{Service, limits, start};
use reqwest::Response;

/// Answers are not unpacked, as the client is built without it.
async fn get(service: &Service, path: &str, headers: &[(&str, &str)]) -> Response {
    let request = reqwest::Client::new().get(format!("http://{}{path}", service.api));
    headers.iter().fold(request, |request, (name, value)| request.header(*name, *value)).send().await.unwrap()
}

fn header<'a>(answer: &'a Response, name: &str) -> Option<&'a str> {
    answer.headers().get(name).map(|value| value.to_str().unwrap())
}

const GZIP: (&str, &str) = ("accept-encoding", "br, gzip;q=0.8");

#[tokio::test]
async fn large_answers_are_compressed_for_whoever_takes_it() {
    let service = start(limits()).await;
    let large = get(&service, "/large", &[GZIP]).await;
    assert_eq!(header(&large, "content-encoding"), Some("gzip"));
    let varies: Vec<_> = large.headers().get_all("vary").iter().map(|value| value.to_str().unwrap()).collect();
    assert!(varies.join(",").contains("accept-encoding"), "{varies:?}");
    let packed = large.bytes().await.unwrap();
    assert!(packed.starts_with(&[0x1f, 0x8b]) && packed.len() < 200, "{} bytes", packed.len());
    for taken in ["br;q=1, gzip;q=0.5", "*", "GZIP", "x-gzip"] {
        let answer = get(&service, "/large", &[("accept-encoding", taken)]).await;
        assert_eq!(header(&answer, "content-encoding"), Some("gzip"), "{taken}");
    }
    // A refusal would come after the effect.
    for refused in ["br, identity;q=0", "*;q=0", "identity;q=0", "gzip;q=0, *", "gzip;q=x"] {
        let answer = get(&service, "/large", &[("accept-encoding", refused)]).await;
        assert_eq!((answer.status().as_u16(), header(&answer, "content-encoding")), (200, None), "{refused}");
    }
    // What somebody was given by a credential may be large as well.
    assert_eq!(
        header(&get(&service, "/list", &[GZIP, ("authorization", "Bearer x")]).await, "content-encoding"),
        Some("gzip")
    );
    for (path, asked) in [("/large", &[][..]), ("/ok", &[GZIP]), ("/secret", &[GZIP]), ("/events", &[GZIP])] {
        let plain = get(&service, path, asked).await;
        assert_eq!(header(&plain, "content-encoding"), None, "{path}");
    }
}

#[tokio::test]
async fn a_page_names_the_next_one() {
    let service = start(limits()).await;
    let page = get(&service, "/list?limit=1&state=a%20b&cursor=old", &[]).await;
    let link = header(&page, "link").unwrap().to_owned();
    let cursor = page.json::<serde_json::Value>().await.unwrap()["next_cursor"].as_str().unwrap().to_owned();
    assert_eq!(link, format!("</list?limit=1&state=a+b&cursor={cursor}>; rel=\"next\""));
    assert_eq!(header(&get(&service, "/ok", &[]).await, "link"), None);
}

#[tokio::test]
async fn a_request_is_a_step_of_its_callers_trace_or_of_one_of_its_own() {
    let service = start(limits()).await;
    let seen = async |headers: &[(&str, &str)]| {
        let answer = get(&service, "/trace", headers).await;
        let told = header(&answer, "x-request-id").unwrap().to_owned();
        let (step, id) = answer.json::<(String, String)>().await.unwrap();
        assert_eq!(id, told);
        (step, id)
    };
    let caller = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let (step, id) = seen(&[("traceparent", caller), ("x-request-id", "r-1")]).await;
    assert!(step.starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-") && step != caller, "{step}");
    assert_eq!(id, "r-1");
    let (own, _) = seen(&[("traceparent", "00-not-one")]).await;
    let (other, _) = seen(&[]).await;
    assert_ne!(own[..35], other[..35]);
}
