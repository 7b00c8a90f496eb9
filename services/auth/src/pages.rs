//! What does a person see who opens a link of ours? Small pages without scripts, which nothing else may frame, style or follow.

use crate::opaque::sha256;
use axum::{
    http::{StatusCode, header},
    response::{Html, IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use common::problem::Problem;
use std::{borrow::Cow, sync::LazyLock};

const STYLE: &str = "body{font:1.1rem/1.5 system-ui,sans-serif;max-width:32rem;margin:4rem auto;padding:0 1rem}label{display:block;margin:1rem 0}input{display:block;width:100%;font:inherit;padding:.4rem;box-sizing:border-box}button{font:inherit;padding:.5rem 1.5rem;margin-top:1rem}.fault{color:#b00020}";

/// Nothing is loaded from anywhere; only our own style counts, and forms go only to ourselves.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    let style = STANDARD.encode(sha256(&[STYLE.as_bytes()]));
    format!("default-src 'none'; style-src 'sha256-{style}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
});

/// A finished page; `body` is HTML whose variable parts went through [`escape`].
pub struct Page {
    status: StatusCode,
    title: String,
    body: String,
}

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        let title = escape(&self.title);
        let html = format!(
            "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
             <title>{title}</title><style>{STYLE}</style></head><body><main><h1>{title}</h1>{}</main></body></html>",
            self.body
        );
        // The address holds a secret: it must not leave in a Referer header or stay in a cache.
        let headers = [
            (header::CONTENT_SECURITY_POLICY, POLICY.as_str()),
            (header::REFERRER_POLICY, "no-referrer"),
            (header::CACHE_CONTROL, "no-store"),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (header::X_FRAME_OPTIONS, "DENY"),
        ];
        (self.status, headers, Html(html)).into_response()
    }
}

/// Asks for the click that consumes a verification link.
pub fn confirm_address() -> Page {
    let body = "<p>One click confirms that this address is yours and makes your account.</p><form method=\"post\"><button>Confirm</button></form>";
    Page { status: StatusCode::OK, title: "Confirm your address".into(), body: body.into() }
}

pub fn address_confirmed(email: &str) -> Page {
    let body = format!("<p>{} is confirmed. You can log in now.</p>", escape(email));
    Page { status: StatusCode::OK, title: "Your account is ready".into(), body }
}

/// The form by which somebody joins `tenant`; `refusal` is what was wrong the last time.
pub fn invitation(tenant: &str, email: &str, refusal: Option<&Problem>) -> Page {
    let faults = refusal.map(faults).unwrap_or_default();
    let body = format!(
        "<p>You are invited to join as {email}. If you have an account already, give its password; else choose a name and a password.</p>{faults}\
         <form method=\"post\"><label>Name <input name=\"display_name\" autocomplete=\"name\" maxlength=\"100\"></label>\
         <label>Password <input name=\"password\" type=\"password\" autocomplete=\"current-password\" required></label><button>Join</button></form>",
        email = escape(email)
    );
    Page { status: refusal.map_or(StatusCode::OK, |problem| problem.status), title: format!("Join {tenant}"), body }
}

pub fn joined(tenant: &str) -> Page {
    Page { status: StatusCode::CREATED, title: format!("Welcome to {tenant}"), body: "<p>You can log in now.</p>".into() }
}

/// A refusal in a person's words.
pub fn refused(problem: &Problem) -> Page {
    let title = if problem.status == StatusCode::GONE { "This link does not work any more" } else { "That did not work" };
    Page { status: problem.status, title: title.into(), body: faults(problem) }
}

fn faults(problem: &Problem) -> String {
    let fields = problem.errors.iter().map(|error| format!("<li>{}: {}</li>", escape(&error.field), escape(&error.message)));
    format!("<p class=\"fault\">{}</p><ul class=\"fault\">{}</ul>", escape(&problem.detail), fields.collect::<String>())
}

/// Text as it may stand in HTML, also in an attribute in quotes.
fn escape(text: &str) -> Cow<'_, str> {
    if !text.contains(['&', '<', '>', '"', '\'']) {
        return text.into();
    }
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn names_cannot_become_markup_and_pages_cannot_load_anything() {
        let answer = invitation("<script>alert(1)</script>", "\"><img src=x>@x", None).into_response();
        let policy = answer.headers()["content-security-policy"].to_str().unwrap().to_owned();
        assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
        assert_eq!(answer.headers()["referrer-policy"], "no-referrer");
        let body = axum::body::to_bytes(answer.into_body(), 100_000).await.unwrap();
        let html = str::from_utf8(&body).unwrap();
        assert!(!html.contains("<script") && !html.contains("<img"), "{html}");
        assert!(html.contains("Join &lt;script&gt;alert(1)&lt;/script&gt;"), "{html}");
    }
}
