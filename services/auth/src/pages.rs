//! What does a person see who opens a link of ours? Small pages without scripts, which nothing else may frame, style or follow.

use crate::{
    invitations::{refusals::Senders, store::Invitation},
    opaque::{OpaqueToken, sha256},
    registrations::store::Open,
};
use axum::{
    http::{StatusCode, header},
    response::{Html, IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use common::problem::Problem;
use std::{borrow::Cow, sync::LazyLock};

const STYLE: &str = "body{font:1.1rem/1.5 system-ui,sans-serif;max-width:32rem;margin:4rem auto;padding:0 1rem}label{display:block;margin:1rem 0}input{display:block;width:100%;font:inherit;padding:.4rem;box-sizing:border-box}button{font:inherit;padding:.5rem 1.5rem;margin-top:1rem}.fault{color:#b00020}dl{display:grid;grid-template-columns:auto 1fr;gap:.3rem 1rem}dt{color:#666}dd{margin:0;overflow-wrap:anywhere}hr{margin:2.5rem 0 1rem;border:0;border-top:1px solid #ccc}.no{color:#b00020}button{margin-right:.5rem}";

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

/// Asks whose registration it is: only who made it knows its password.
pub fn confirm_address(open: &Open, token: &OpaqueToken, refusal: Option<&Problem>) -> Page {
    let faults = refusal.map(faults).unwrap_or_default();
    let body = format!(
        "<p>Somebody, hopefully you, has registered at Sevenleague with this address:</p>\
         <dl><dt>Address</dt><dd>{email}</dd><dt>Name</dt><dd><bdi>{name}</bdi></dd><dt>Tenant</dt><dd><bdi>{tenant}</bdi></dd></dl>{faults}\
         <form method=\"post\"><label>The password that you chose then <input name=\"password\" type=\"password\" autocomplete=\"current-password\" maxlength=\"256\" \
         required></label><button>This is me: make my account</button></form>\
         <hr><p>You know nothing of it, or the tenant is not yours? Then somebody else has given your address.</p>\
         <form method=\"post\" action=\"{token}/rejection\"><button class=\"no\">This wasn’t me: delete it</button></form>",
        email = escape(&open.email),
        name = escape(&open.display_name),
        tenant = escape(&open.tenant_name),
        token = escape(token.expose())
    );
    Page { status: refusal.map_or(StatusCode::OK, |problem| problem.status), title: "Is this you?".into(), body }
}

pub fn registration_rejected() -> Page {
    let body = "<p>The registration is deleted; nobody has got an account with your address by it. Nothing else needs to be done.</p>";
    Page { status: StatusCode::OK, title: "Thank you".into(), body: body.into() }
}

pub fn address_confirmed(email: &str) -> Page {
    let body = format!("<p>{} is confirmed. You can log in now.</p>", escape(email));
    Page { status: StatusCode::OK, title: "Your account is ready".into(), body }
}

/// The form by which somebody joins a tenant; `refusal` is what was wrong the last time.
pub fn invitation(invitation: &Invitation, refuse: &str, refusal: Option<&Problem>) -> Page {
    let faults = refusal.map(faults).unwrap_or_default();
    let body = format!(
        "<p><bdi>{inviter}</bdi> invites you to join <bdi>{tenant}</bdi> at Sevenleague as {email}.</p>\
         <p>If you have an account already, give its password; else choose a name and a password of at least 15 characters.</p>{faults}\
         <form method=\"post\"><label>Name <input name=\"display_name\" autocomplete=\"name\" maxlength=\"100\"></label>\
         <label>Password <input name=\"password\" type=\"password\" autocomplete=\"current-password\" maxlength=\"256\" required></label><button>Join</button></form>\
         <hr><p>You do not want to? Nothing happens if you close this page. <a href=\"../invitation-refusals/{refuse}\">Get no more invitations</a></p>",
        inviter = escape(&invitation.inviter),
        tenant = escape(&invitation.tenant_name),
        email = escape(&invitation.email),
        refuse = escape(refuse)
    );
    Page { status: refusal.map_or(StatusCode::OK, |problem| problem.status), title: format!("Join {}", invitation.tenant_name), body }
}

/// The form by which an address refuses invitations, or takes them again; `refused` is whose it refuses now.
pub fn refusal(tenant: &str, email: &str, refused: Senders) -> Page {
    const TENANT: &str = "<button name=\"from\" value=\"tenant\">None from this tenant</button>";
    const EVERYBODY: &str = "<button name=\"from\" value=\"everybody\">None from anybody</button>";
    const NOBODY: &str = "<button name=\"from\" value=\"nobody\">Take invitations again</button>";
    let (email, tenant) = (escape(email), escape(tenant));
    let (title, what, buttons) = match refused {
        Senders::Nobody => {
            ("No more invitations?", format!("{email} was invited to <bdi>{tenant}</bdi> at Sevenleague. Do you want no more of that?"), [TENANT, EVERYBODY])
        }
        Senders::Tenant => ("No more of these", format!("{email} gets no more invitations from <bdi>{tenant}</bdi>."), [EVERYBODY, NOBODY]),
        Senders::Everybody => ("No more invitations", format!("{email} gets no more invitations, from nobody at all."), [NOBODY, ""]),
    };
    let body = format!(
        "<p>{what}</p><form method=\"post\">{}</form>\
         <p>The link in your mail leads back to this page whenever you change your mind; it never expires. Mails that you cause yourself, such as to confirm your address, come all the same.</p>",
        buttons.concat()
    );
    Page { status: StatusCode::OK, title: title.into(), body }
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
        let id = uuid::Uuid::nil();
        let (inviter, tenant_name) = ("<b onclick=x>Eve</b>".into(), "<script>alert(1)</script>".into());
        let hostile = Invitation { id, tenant_id: id.into(), tenant_name, inviter, email: "\"><img src=x>@x".into() };
        let answer = invitation(&hostile, "\"><a href=x>", None).into_response();
        let policy = answer.headers()["content-security-policy"].to_str().unwrap().to_owned();
        assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
        assert_eq!(answer.headers()["referrer-policy"], "no-referrer");
        let body = axum::body::to_bytes(answer.into_body(), 100_000).await.unwrap();
        let html = str::from_utf8(&body).unwrap();
        assert!(!html.contains("<script") && !html.contains("<img") && !html.contains("<b ") && !html.contains("<a href=x"), "{html}");
        assert!(html.contains("Join &lt;script&gt;alert(1)&lt;/script&gt;"), "{html}");
    }
}
