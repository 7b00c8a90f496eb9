//! What is a person's own is not their tenant's provider's.

use super::{Globex, token};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What a session by a provider comes to at an operation that takes a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whose {
    /// The person's own, or of other tenants as well: 403 `personal_session_required`.
    Own,
    /// The tenant's, or nothing but this very session: whoever has the provider can do it anyway.
    Tenants,
}
use Whose::{Own, Tenants};

/// Every operation of auth that takes a person's token, with what somebody has decided on it.
const DECIDED: [(&str, Whose, &str); 50] = [
    ("addClientSecret", Tenants, "a machine of the tenant"),
    ("addPasskey", Own, "a way in to every tenant"),
    ("beginPasskey", Own, "a way in to every tenant"),
    ("beginStepUp", Own, "what the person knows and has"),
    ("beginTotp", Own, "a way in to every tenant"),
    ("changePassword", Own, "a way in to every tenant"),
    ("confirmTotp", Own, "a way in to every tenant"),
    ("createApiKey", Own, "it would outlive the session and the provider"),
    ("createClient", Tenants, "a machine of the tenant"),
    ("createIdentityProvider", Own, "a provider must not make another one"),
    ("createTenant", Own, "a tenant of the person's own"),
    ("deleteClient", Tenants, "a machine of the tenant"),
    ("deleteIdentityProvider", Own, "a provider must not put out another one"),
    ("editAuthenticationPolicy", Tenants, "the tenant's own demand"),
    ("editClient", Tenants, "a machine of the tenant"),
    ("editIdentityProvider", Own, "a provider must not make another one"),
    ("endMemberSessions", Tenants, "sessions in the tenant, of whom one holds as much as"),
    ("endOtherSessions", Own, "sessions in every tenant"),
    ("endSession", Own, "sessions in every tenant"),
    ("getAuthenticationPolicy", Tenants, "the tenant's"),
    ("getClient", Tenants, "the tenant's"),
    ("getIdentityProvider", Tenants, "the tenant's"),
    ("getMe", Tenants, "name and address are known to every member; no other tenant is told"),
    ("getPasskey", Own, "what the person has"),
    ("getTenant", Own, "tenants of the person"),
    ("getUserInfo", Tenants, "name and address are known to every member"),
    ("inviteMember", Tenants, "the tenant's members"),
    ("leaveTenant", Own, "whoever is put out is put out by a member who may do that"),
    ("listApiKeys", Own, "what the person has"),
    ("listClients", Tenants, "the tenant's"),
    ("listConsents", Own, "what the person has allowed, in every tenant"),
    ("listIdentityAudit", Tenants, "the tenant's"),
    ("listIdentityProviders", Tenants, "the tenant's"),
    ("listInvitations", Tenants, "the tenant's"),
    ("listMembers", Tenants, "the tenant's"),
    ("listSecondFactors", Own, "what the person has"),
    ("listSessions", Own, "sessions in every tenant"),
    ("logOut", Tenants, "this very session"),
    ("makeRecoveryCodes", Own, "a way in to every tenant"),
    ("postUserInfo", Tenants, "name and address are known to every member"),
    ("removeMember", Tenants, "a member of the tenant, of whom one holds as much as"),
    ("removePasskey", Own, "what the person has"),
    ("removeTotp", Own, "what the person has"),
    ("renamePasskey", Own, "what the person has"),
    ("revokeApiKey", Own, "what the person has"),
    ("revokeClientSecret", Tenants, "a machine of the tenant"),
    ("stepUpSession", Own, "it would make the session the person's own"),
    ("verifyIdentityAudit", Tenants, "the tenant's"),
    ("withdrawConsent", Own, "what the person has allowed, in every tenant"),
    ("withdrawInvitation", Tenants, "the tenant's members"),
];

/// A body that is read, of an operation that looks at it before it asks who calls.
fn body(operation: &str) -> Option<Value> {
    Some(match operation {
        "createApiKey" => json!({"name": "laptop", "permissions": ["auth.readMembers"]}),
        "createIdentityProvider" | "editIdentityProvider" => {
            super::configuration("https://login.example.com", "us", "s3cret")
        }
        "stepUpSession" => super::password(),
        "renamePasskey" | "createTenant" => json!({"name": "key"}),
        _ => return None,
    })
}

#[tokio::test]
async fn every_operation_is_decided_for_who_is_signed_in_by_a_provider() {
    let (globex, liar, provider) = Globex::with_liar().await;
    let decided: BTreeMap<_, _> = DECIDED.iter().map(|(id, whose, _)| (*id, *whose)).collect();
    let mut met = Vec::new();
    let document = service_kit::openapi::<auth::Auth>();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let id = operation["operationId"].as_str().unwrap();
            let mut schemes = operation["security"].as_array().unwrap().iter();
            let Some(permissions) = schemes.find_map(|scheme| scheme.get("bearer")) else { continue };
            let whose = decided.get(id).unwrap_or_else(|| panic!("{id} is not decided: whose is what it does?"));
            let permissions: Vec<String> = serde_json::from_value(permissions.clone()).unwrap();
            globex.world.allow(&globex.ada, &permissions.iter().map(String::as_str).collect::<Vec<_>>()).await;
            // Some end it.
            let session = globex.session(&liar, provider, json!({})).await;
            let path = path.replace("{id}", &provider.to_string()).replace("{user_id}", &globex.olga.user.to_string());
            let path =
                path.replace("{secret_id}", &provider.to_string()).replace("{invitation}", &provider.to_string());
            let path = path.replace("{client_id}", &provider.to_string());
            let request = globex.world.server.request(method.to_uppercase().parse().unwrap(), &path);
            let request = request.bearer(token(&session)).header("if-match", "*");
            let request = match body(id) {
                Some(body) => request.body("application/json", body.to_string()),
                None => request,
            };
            let answer = request.await;
            let is_refused = answer.json["code"] == "personal_session_required";
            assert_eq!(is_refused, *whose == Own, "{id} {whose:?}: {} {}", answer.status, answer.text);
            if is_refused {
                answer.problem(403, "personal_session_required");
            }
            met.push(id.to_owned());
        }
    }
    let forgotten: Vec<_> = decided.keys().filter(|id| !met.iter().any(|met| met == *id)).collect();
    assert!(forgotten.is_empty(), "{forgotten:?} do not exist");
    assert_eq!(globex.world.count("sign_ins").await, 0, "no app of anybody's is signed in to by a provider's word");
}

/// Its tenant is the one that believes the provider.
#[tokio::test]
async fn it_goes_on_in_no_other_tenant() {
    let (globex, liar, provider) = Globex::with_liar().await;
    let session = globex.session(&liar, provider, json!({})).await;
    let go = async |tenant: Value| {
        let body = json!({"refresh_token": session["refresh_token"], "tenant_id": tenant});
        globex.world.server.post("/v1/sessions/refresh", &body).await
    };
    go(json!(globex.acme.tenant)).await.problem(403, "personal_session_required");
    // Nothing was used up by that, and its own tenant may be named.
    go(session["tenant"]["id"].clone()).await.expect(200);
}

/// The same session for a product, and back by the product, is still the provider's.
#[tokio::test]
async fn an_exchange_does_not_make_it_the_persons_own() {
    let (globex, liar, provider) = Globex::with_liar().await;
    let session = globex.session(&liar, provider, json!({})).await;
    let kind = "urn:ietf:params:oauth:token-type:access_token";
    let form = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("subject_token", token(&session)),
        ("subject_token_type", kind),
    ];
    let same = globex.world.server.post_form("/v1/oauth/token", &form).await.expect(200);
    let me = globex.world.server.get("/v1/sessions").bearer(token(&same)).await;
    me.problem(403, "personal_session_required");
}
