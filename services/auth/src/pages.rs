//! Pages for people who open a link of ours: small, without scripts, and nothing else may frame, style or follow them.

use crate::{
    invitations::model::{Invitation, Senders},
    opaque::{OpaqueToken, sha256},
    registrations::store::Open,
};
use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{Html, IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use common::problem::{Problem, Quota};
use include_dir::{Dir, include_dir};
use minijinja::{Environment, UndefinedBehavior, Value, context, value::Serde};
use std::sync::LazyLock;

static FILES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/templates");
/// Seconds in which a person has read that it worked.
const READ_IN: u8 = 5;
const STYLE: &str = include_str!("../templates/style.css");

static TEMPLATES: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut templates = Environment::new();
    templates.set_undefined_behavior(UndefinedBehavior::Strict);
    for file in FILES.files() {
        let (name, source) = (file.path().to_str().unwrap_or_default(), file.contents_utf8().unwrap_or_default());
        templates.add_template(name, source).expect("compiled in, and parsed by the tests");
    }
    templates.add_global("style", Value::from_safe_string(STYLE.to_owned()));
    templates
});

/// Nothing is loaded from anywhere; only our own style counts, and forms go only to ourselves.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    let style = STANDARD.encode(sha256(&[STYLE.as_bytes()]));
    format!("default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; frame-ancestors 'none'")
});

pub fn page(template: &str, status: StatusCode, values: Value) -> Response {
    page_leading_to(template, status, values, "")
}

/// A page whose forms may lead on to `target`, too (a source expression of CSP).
pub fn page_leading_to(template: &str, status: StatusCode, values: Value, target: &str) -> Response {
    let html = match TEMPLATES.get_template(template).and_then(|template| template.render(values)) {
        Ok(html) => html,
        Err(error) => return Problem::internal(&error).into_response(),
    };
    let policy = format!("{}; form-action 'self' {target}", *POLICY);
    // The address holds a secret: it must not leave in a Referer header or stay in a cache.
    let headers = [
        (header::CONTENT_SECURITY_POLICY, policy.as_str()),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
    ];
    let mut answer = (status, headers, Html(html)).into_response();
    if status == StatusCode::UNAUTHORIZED {
        // Every 401 has one (RFC 9110 §15.5.2).
        answer.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    answer
}

/// Asks whose registration it is: only who made it knows its password.
pub fn confirm_address(open: &Open, token: &OpaqueToken, refusal: Option<&Problem>) -> Response {
    let Open { email, display_name: name, tenant_name: tenant, .. } = open;
    let values = context! { email, name, tenant, token => token.expose(), problem => refusal.map(told) };
    page("confirm-address.html", status(refusal), values)
}

pub fn registration_rejected() -> Response {
    page("registration-rejected.html", StatusCode::OK, context! {})
}

/// `return_to` was checked when it was named.
pub fn address_confirmed(email: &str, return_to: Option<&str>) -> Response {
    leading_on(page("address-confirmed.html", StatusCode::OK, context! { email, return_to }), return_to)
}

/// The form by which somebody who has forgotten their password chooses another.
pub fn new_password(email: &str, refusal: Option<&Problem>) -> Response {
    page("new-password.html", status(refusal), context! { email, problem => refusal.map(told) })
}

/// `return_to` was checked when it was named.
pub fn password_reset(email: &str, return_to: Option<&str>) -> Response {
    leading_on(page("password-reset.html", StatusCode::OK, context! { email, return_to }), return_to)
}

/// The form by which somebody joins a tenant; `refusal` is what was wrong the last time, and `refuse` the end of the
/// link to no more of this.
pub fn invitation(invitation: &Invitation, refuse: &str, refusal: Option<&Problem>) -> Response {
    let Invitation { inviter, tenant_name: tenant, email, .. } = invitation;
    let values = context! { inviter, tenant, email, refuse, problem => refusal.map(told) };
    page("invitation.html", status(refusal), values)
}

/// The form by which an address refuses invitations, or takes them again; `refused` is whose it refuses now.
pub fn refusal(tenant: &str, email: &str, refused: Senders) -> Response {
    let refused = match refused {
        Senders::Tenant => "tenant",
        Senders::Everybody => "everybody",
        Senders::Nobody => "nobody",
    };
    page("invitation-refusal.html", StatusCode::OK, context! { tenant, email, refused })
}

pub fn joined(tenant: &str, return_to: Option<&str>) -> Response {
    leading_on(page("joined.html", StatusCode::CREATED, context! { tenant, return_to }), return_to)
}

/// After a moment by itself. A redirection would be blocked, as forms go only to ourselves.
fn leading_on(mut page: Response, return_to: Option<&str>) -> Response {
    let refresh = return_to.and_then(|address| HeaderValue::try_from(format!("{READ_IN}; url={address}")).ok());
    if let Some(refresh) = refresh {
        page.headers_mut().insert(header::REFRESH, refresh);
    }
    page
}

/// A refusal in a person's words.
pub fn refused(problem: &Problem) -> Response {
    let mut page = page("refused.html", problem.status, context! { problem => told(problem) });
    if let Some(seconds) = problem.retry_after {
        page.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    let quota = problem.quota.iter().flat_map(Quota::headers);
    let quota = quota.filter_map(|(name, value)| Some((name, HeaderValue::try_from(value).ok()?)));
    page.headers_mut().extend(quota);
    page
}

pub fn status(refusal: Option<&Problem>) -> StatusCode {
    refusal.map_or(StatusCode::OK, |problem| problem.status)
}

pub fn told(problem: &Problem) -> Value {
    context! { status => problem.status.as_u16(), detail => &problem.detail, errors => Serde(&problem.errors) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn names_cannot_become_markup_and_pages_cannot_load_anything() {
        let id = uuid::Uuid::nil();
        let (inviter, tenant_name) = ("<b onclick=x>Eve</b>".into(), "<script>alert(1)</script>".into());
        let hostile = Invitation {
            id,
            tenant_id: id.into(),
            tenant_name,
            inviter,
            email: "\"><img src=x>@x".into(),
            return_to: None,
        };
        let answer = invitation(&hostile, "\"><a href=x>", None);
        let policy = answer.headers()["content-security-policy"].to_str().unwrap().to_owned();
        assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
        assert_eq!(answer.headers()["referrer-policy"], "no-referrer");
        let body = axum::body::to_bytes(answer.into_body(), 100_000).await.unwrap();
        let html = str::from_utf8(&body).unwrap();
        assert!(
            !html.contains("<script") && !html.contains("<img") && !html.contains("<b ") && !html.contains("<a href=x"),
            "{html}"
        );
        assert_eq!(html.matches("Join &lt;script&gt;alert(1)&lt;&#x2f;script&gt;").count(), 2, "{html}");
    }

    #[test]
    fn every_page_is_complete() {
        let problem = Problem::new(StatusCode::GONE, "link_used", "Ask for a new one.");
        let (id, text) = (uuid::Uuid::nil(), || String::from("x"));
        let open = Open {
            id,
            email: text(),
            display_name: text(),
            tenant_name: text(),
            password_hash: text(),
            return_to: None,
        };
        let invited = Invitation {
            id,
            tenant_id: id.into(),
            tenant_name: text(),
            inviter: text(),
            email: text(),
            return_to: None,
        };
        let token = OpaqueToken::new(&common::ambient::Ambient::system());
        let refusals =
            [Senders::Tenant, Senders::Everybody, Senders::Nobody].map(|refused| (200, refusal("x", "x", refused)));
        let pages = [
            (200, confirm_address(&open, &token, None)),
            (410, confirm_address(&open, &token, Some(&problem))),
            (200, registration_rejected()),
            (200, address_confirmed("x", None)),
            (200, address_confirmed("x", Some("https://app.test/"))),
            (200, new_password("x", None)),
            (410, new_password("x", Some(&problem))),
            (200, password_reset("x", None)),
            (200, password_reset("x", Some("https://app.test/"))),
            (200, invitation(&invited, "x", None)),
            (410, invitation(&invited, "x", Some(&problem))),
            (201, joined("x", None)),
            (201, joined("x", Some("https://app.test/"))),
            (410, refused(&problem)),
        ];
        for (status, answer) in refusals.into_iter().chain(pages) {
            assert_eq!(
                (answer.status().as_u16(), &answer.headers()["content-type"]),
                (status, &"text/html; charset=utf-8".parse().unwrap())
            );
        }
    }
}
