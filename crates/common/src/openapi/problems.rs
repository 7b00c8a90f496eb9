//! Pages of problems: what happened, and what to do about it. The `type` of a problem leads to its page (RFC 9457
//! §3.1.1).

use super::swagger::accepts_html;
use crate::http::{Path, no_route};
use axum::{
    Router,
    extract::State,
    http::{HeaderMap, HeaderValue, header},
    response::{Html, IntoResponse, Response},
    routing::get,
};
use include_dir::Dir;
use serde_json::Value;
use std::{collections::BTreeMap, sync::Arc};

/// The pages of the problems of a service, by code: `<code>.md` is a `# Title` line, then paragraphs.
#[derive(Clone, Debug, Default)]
pub struct Pages(Arc<BTreeMap<&'static str, &'static str>>);

impl Pages {
    /// Those in `folders`; of two with the same code that of the later folder.
    pub fn of(folders: &[&'static Dir<'static>]) -> Self {
        let files = folders.iter().flat_map(|folder| folder.files());
        let page = |file: &'static include_dir::File<'static>| {
            Some((file.path().file_name()?.to_str()?.strip_suffix(".md")?, file.contents_utf8()?))
        };
        Self(Arc::new(files.filter_map(page).collect()))
    }

    /// The codes among the back-quoted words of `description`: those that have a page.
    pub(super) fn named_in(&self, description: &Value) -> Vec<&'static str> {
        let quoted = description.as_str().unwrap_or_default().split('`').skip(1).step_by(2);
        quoted.filter_map(|word| self.0.get_key_value(word)).map(|(code, _)| *code).collect()
    }

    /// `/problems/{code}`: HTML for browsers, Markdown for everybody else.
    pub(super) fn routes<S: Clone + Send + Sync + 'static>(self) -> Router<S> {
        Router::new().route("/problems/{code}", get(show)).with_state(self)
    }
}

/// A page loads nothing and is framed by nobody.
const POLICY: &str = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// Pages change with a release.
const CACHED: &str = "public, max-age=3600";

async fn show(State(pages): State<Pages>, Path(code): Path<String>, headers: HeaderMap) -> Response {
    let Some((code, page)) = pages.0.get_key_value(code.as_str()) else { return no_route().into_response() };
    let mut answer = if accepts_html(&headers) {
        Html(html(code, page)).into_response()
    } else {
        ([(header::CONTENT_TYPE, "text/markdown; charset=utf-8")], *page).into_response()
    };
    let said = [(header::CONTENT_SECURITY_POLICY, POLICY), (header::CACHE_CONTROL, CACHED), (header::VARY, "accept")];
    answer.headers_mut().extend(said.map(|(name, value)| (name, HeaderValue::from_static(value))));
    answer
}

/// The title becomes a heading, blank lines part paragraphs, and back-quotes hold words of programs; nothing else of
/// Markdown is used in pages.
fn html(code: &str, page: &str) -> String {
    let (title, text) = page.split_once('\n').unwrap_or((page, ""));
    let title = escape(title.trim_start_matches('#').trim());
    let paragraphs = text.split("\n\n").map(str::trim).filter(|paragraph| !paragraph.is_empty());
    let body: String = paragraphs.map(|paragraph| format!("<p>{}</p>\n", words(&escape(paragraph)))).collect();
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>{title}</title>\
         <meta name=\"viewport\" content=\"width=device-width\"></head>\n<body>\n<main>\n<h1>{title}</h1>\n\
         <p><code>{code}</code></p>\n{body}</main>\n</body>\n</html>\n"
    )
}

fn words(paragraph: &str) -> String {
    let parts = paragraph.split('`').enumerate();
    parts.map(|(index, part)| if index % 2 == 1 { format!("<code>{part}</code>") } else { part.to_owned() }).collect()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::{body::Body, http::Request};
    use serde_json::json;
    use tower::ServiceExt;

    const PAGE: &str = "# The host is taken\n\nAn instance lives on <b>that</b> host.\n\nChoose another `host`.\n";

    fn pages() -> Pages {
        Pages(Arc::new(BTreeMap::from([("host_taken", PAGE), ("quota_exceeded", "# Too many\n")])))
    }

    async fn ask(path: &str, accept: &str) -> (u16, String, String) {
        let request = Request::get(path).header("accept", accept).body(Body::empty()).unwrap();
        let answer = pages().routes::<()>().with_state(()).oneshot(request).await.unwrap();
        let kind = answer.headers()["content-type"].to_str().unwrap().to_owned();
        let status = answer.status().as_u16();
        let body = axum::body::to_bytes(answer.into_body(), 10_000).await.unwrap();
        (status, kind, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn a_browser_gets_html_and_a_program_what_was_written() {
        let (status, kind, body) = ask("/problems/host_taken", "text/html,*/*").await;
        assert_eq!((status, kind.as_str()), (200, "text/html; charset=utf-8"));
        assert!(body.contains("<p>An instance lives on &lt;b&gt;that&lt;/b&gt; host.</p>"), "{body}");
        assert!(body.contains("<p>Choose another <code>host</code>.</p>"), "{body}");
        let written = ask("/problems/host_taken", "*/*").await;
        assert_eq!(written, (200, "text/markdown; charset=utf-8".into(), PAGE.into()));
        assert_eq!(ask("/problems/no_such_code", "text/html").await.0, 404);
    }

    #[test]
    fn only_words_that_have_a_page_are_codes() {
        let description =
            json!("`host_taken`, or `quota_exceeded`: the `host` is `taken`; see `permission.readGrants`.");
        assert_eq!(pages().named_in(&description), ["host_taken", "quota_exceeded"]);
    }
}
