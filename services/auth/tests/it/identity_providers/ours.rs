//! Our own service as the provider: an app of Acme's is Globex.

use super::{BACK, Globex, Jar, PROVIDERS, asked, configuration, token};
use crate::{
    oauth::{claims, hidden},
    support::{PASSWORD, text},
};
use serde_json::json;
use uuid::Uuid;

impl Globex {
    /// A provider of Globex that is ours, where Globex is an app of Acme's.
    async fn ours(&self) -> Uuid {
        let issuer = self.world.server.url.clone();
        let provider = self.provider(&issuer, "not yet", "not yet").await;
        let path = format!("{PROVIDERS}/{provider}");
        let shown = self.world.server.get(&path).bearer(&self.token).await.expect(200);
        self.world.allow(&self.acme, &["auth.writeClients"]).await;
        let acme = self.world.token(&self.acme).await;
        let app = json!({"name": "Globex", "redirect_uris": [shown["redirect_uri"]], "scope": "openid email"});
        let made = self.world.server.post("/v1/clients", &app).bearer(&acme).await.expect(201);
        let body = configuration(&issuer, text(&made["client"], "id"), text(&made["secret"], "secret"));
        self.put(provider, &body).await.expect(200);
        provider
    }

    /// Follows a redirection within our own service.
    fn path_of<'a>(&self, location: &'a str) -> &'a str {
        location.strip_prefix(&self.world.server.url).unwrap_or_else(|| panic!("{location}"))
    }
}

/// OpenID Connect Core §3.1: from the frontend to the provider, through its pages, and back with a session.
#[tokio::test]
async fn a_member_signs_in_at_our_own_service_as_the_provider() {
    let globex = Globex::open().await;
    let (provider, mut jar) = (globex.ours().await, Jar::default());
    let begun = globex.begin(&mut jar, provider).await;
    let query = asked(&begun);
    assert_eq!((&*query["code_challenge_method"], &*query["scope"]), ("S256", "openid email"));
    assert!(query["state"].len() < 1000 && query["nonce"].len() == 43 && query["code_challenge"].len() == 43);
    let page = globex.open_page(&mut jar, globex.path_of(begun.header("location").unwrap()), "same-origin").await;
    let form = [("request_uri", &*hidden(&page)), ("email", "ada@acme.test"), ("password", PASSWORD)];
    let signed_in = globex.submit(&mut jar, "/v1/oauth/sign-in", &form).await;
    let page = globex.open_page(&mut jar, globex.path_of(signed_in.header("location").unwrap()), "same-origin").await;
    let acme = globex.acme.tenant.to_string();
    let form = [("request_uri", &*hidden(&page)), ("tenant_id", &*acme), ("decision", "allow")];
    let allowed = globex.submit(&mut jar, "/v1/oauth/consent", &form).await;
    let back = globex.path_of(allowed.header("location").unwrap()).to_owned();
    assert!(back.starts_with(&format!("{PROVIDERS}/{provider}/callback?")) && back.contains("iss="), "{back}");

    // Another browser has not begun it; that uses nothing up.
    let foreign = globex.open_page(&mut Jar::default(), &back, "same-origin").await;
    super::refused(&foreign, 410, "begun in another browser");
    let answer = globex.open_page(&mut jar, &back, "same-origin").await;
    assert_eq!((answer.status, answer.header("location")), (303, Some(BACK)), "{}", answer.text);
    assert_eq!(answer.header("referrer-policy"), Some("no-referrer"), "the address has the code");
    assert!(!jar.has("device"), "a tenant's provider makes no device known");
    super::refused(&globex.open_page(&mut jar, &back, "same-origin").await, 410, "is over already");

    let session = globex.refresh(&jar).await.expect(200);
    assert_eq!((&session["user"]["id"], &session["tenant"]["name"]), (&json!(globex.ada.user), &json!("Globex")));
    let said = claims(&session["access_token"]);
    assert_eq!(
        (&said["amr"], &said["acr"], &said["tid"]),
        (&json!(["fed"]), &json!("aal1"), &json!(globex.olga.tenant))
    );
    let me = globex.world.server.get("/v1/me").bearer(token(&session)).await.expect(200);
    assert_eq!(me["tenants"], json!([{"id": globex.olga.tenant, "name": "Globex"}]), "others are nobody's business");
}

/// RFC 6749 §4.1.2.1: what the provider refuses is shown, in its words.
#[tokio::test]
async fn who_does_not_agree_there_is_told_so_here() {
    let globex = Globex::open().await;
    let (provider, mut jar) = (globex.ours().await, Jar::default());
    let begun = globex.begin(&mut jar, provider).await;
    let state = asked(&begun)["state"].clone();
    let issuer = globex.world.server.url.clone();
    let answer =
        [("error", "access_denied"), ("error_description", "<b>No</b>\r\n"), ("state", &state), ("iss", &issuer)];
    let refused = globex.come_back(&mut jar, provider, &answer).await;
    super::refused(&refused, 403, "access_denied: &lt;b&gt;No&lt;&#x2f;b&gt;");
    // Our service names itself in each answer (RFC 9207), so one without a name is not its.
    for (issuer, code) in [("https://evil.test", "c0de"), (&*format!("{issuer}/"), "c0de")] {
        let mixed_up =
            globex.come_back(&mut jar, provider, &[("code", code), ("state", &state), ("iss", issuer)]).await;
        super::refused(&mixed_up, 502, "the provider that was asked");
    }
    let nameless = globex.come_back(&mut jar, provider, &[("code", "c0de"), ("state", &state)]).await;
    super::refused(&nameless, 502, "the provider that was asked");
}
