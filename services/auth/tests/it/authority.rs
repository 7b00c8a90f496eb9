//! The right to speak for somebody else: nobody gets more than they have by it.

use crate::support::{Account, PASSWORD, World, text};
use contracts::id::Principal;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use test_support::TestAnswer;

/// Mallory keeps the machines and the members; the machine and Bob hold more than she does.
struct Office {
    world: World,
    mallory: Account,
    token: String,
    machine: String,
    bob: Account,
}

const MORE: &str = "permission.writeGrants";

impl Office {
    async fn open() -> Self {
        let world = World::start().await;
        let (mallory, token) =
            world.signed_in("mallory@acme.test", "Acme", &["auth.writeClients", "auth.inviteMembers"]).await;
        let made = world.server.post("/v1/clients", &json!({"name": "robot"})).bearer(&token).await.expect(201);
        let machine = text(&made["client"], "id").to_owned();
        let bob = world.joins(&mallory, &token, "bob@acme.test").await;
        for principal in [Principal::Client(machine.clone()), Principal::User(bob.user)] {
            world.platform.allow(mallory.tenant, &principal, &["auth.writeClients", MORE]).await;
        }
        world.platform.issuer.define_role("member", &["auth.readMembers"]);
        world.platform.issuer.define_role("owner", &["auth.readMembers", MORE]);
        Self { world, mallory, token, machine, bob }
    }

    async fn add_secret(&self) -> TestAnswer {
        self.world
            .server
            .request(reqwest::Method::POST, &format!("/v1/clients/{}/secrets", self.machine))
            .bearer(&self.token)
            .await
    }
}

/// The attack: a secret for a machine that may grant, a token as that machine, and everything granted to oneself.
#[tokio::test]
async fn a_secret_of_a_machine_that_holds_more_is_no_way_up() {
    let office = Office::open().await;
    let secrets = office.world.count("client_secrets").await;
    let refusal = office.add_secret().await.problem(403, "escalation");
    assert!(refusal["detail"].as_str().unwrap().contains(MORE), "{refusal}");
    assert_eq!(office.world.count("client_secrets").await, secrets);
    office.world.allow(&office.mallory, &["auth.writeClients", MORE]).await;
    office.add_secret().await.expect(201);
    // A stolen machine is stopped by whoever is there.
    office.world.allow(&office.mallory, &["auth.writeClients"]).await;
    assert_eq!(
        office.world.server.delete(&format!("/v1/clients/{}", office.machine)).bearer(&office.token).await.status,
        204
    );
}

#[tokio::test]
async fn while_nobody_can_say_who_holds_what_nobody_speaks_for_others() {
    let world = World::with(&[("PERMISSION_URL", "http://127.0.0.1:1".into())]).await;
    let (_, token) = world
        .signed_in("ada@acme.test", "Acme", &["auth.writeClients", "auth.inviteMembers", "auth.writeMembers"])
        .await;
    let made = world.server.post("/v1/clients", &json!({"name": "robot"})).bearer(&token).await.expect(201);
    let secrets =
        world.server.request(reqwest::Method::POST, &format!("/v1/clients/{}/secrets", text(&made["client"], "id")));
    secrets.bearer(&token).await.problem(503, "unavailable");
    world
        .server
        .post("/v1/invitations", &json!({"email": "bob@acme.test"}))
        .bearer(&token)
        .await
        .problem(503, "unavailable");
    world
        .server
        .delete(&format!("/v1/members/{}", world.platform.tenant()))
        .bearer(&token)
        .await
        .problem(503, "unavailable");
    assert_eq!(
        (world.count("client_secrets").await, world.count("invitations").await, world.count("removals").await),
        (1, 0, 0)
    );
}

/// Writes that need a token and give nobody anything of somebody else's, with the reason that somebody has checked.
const GIVES_NOBODY_ANYTHING: [(&str, &str); 26] = [
    ("withdrawConsent", "one's own"),
    ("postUserInfo", "it reads"),
    ("createTenant", "a new tenant has nobody but who makes it"),
    ("createClient", "a new machine holds nothing, and what it is granted its granter holds"),
    ("deleteClient", "it takes"),
    ("revokeClientSecret", "it takes"),
    ("deleteIdentityProvider", "it takes"),
    ("createApiKey", "a key of one's own, of what one holds"),
    ("revokeApiKey", "one's own"),
    ("logOut", "one's own"),
    ("endSession", "one's own"),
    ("endOtherSessions", "one's own"),
    ("changePassword", "one's own, by the old one"),
    ("editAuthenticationPolicy", "it makes log-ins harder or easier, and lets nobody in"),
    ("stepUpSession", "one's own, by what one knows or has"),
    ("beginStepUp", "one's own"),
    ("beginPasskey", "one's own"),
    ("addPasskey", "one's own"),
    ("renamePasskey", "one's own"),
    ("removePasskey", "one's own"),
    ("beginTotp", "one's own"),
    ("confirmTotp", "one's own"),
    ("removeTotp", "one's own"),
    ("makeRecoveryCodes", "one's own"),
    ("leaveTenant", "it takes, from oneself"),
    ("withdrawInvitation", "it takes"),
];

/// Every other write is refused to whoever holds the operation's own permission and nothing more, where the other holds
/// more.
#[tokio::test]
async fn no_write_speaks_for_somebody_who_holds_more() {
    let office = Office::open().await;
    let server = &office.world.server;
    let body = |id: &str| match id {
        "inviteMember" => json!({"email": "carol@acme.test"}),
        "editClient" => json!({"name": "robot"}),
        _ => Value::Null,
    };
    let mut attacked = BTreeSet::new();
    let document = service_kit::openapi::<auth::Auth>();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let id = operation["operationId"].as_str().unwrap();
            let scheme = operation["security"].as_array().unwrap().iter().find_map(|scheme| scheme.get("bearer"));
            let Some(permissions) =
                scheme.filter(|_| method != "get" && GIVES_NOBODY_ANYTHING.iter().all(|(harmless, _)| *harmless != id))
            else {
                continue;
            };
            let permissions: Vec<String> = serde_json::from_value(permissions.clone()).unwrap();
            office.world.allow(&office.mallory, &permissions.iter().map(String::as_str).collect::<Vec<_>>()).await;
            let path = path.replace("{id}", &office.machine).replace("{user_id}", &office.bob.user.to_string());
            let request = server.request(method.to_uppercase().parse().unwrap(), &path).header("if-match", "*");
            let request = request.bearer(&office.token);
            let request =
                if body(id).is_null() { request } else { request.body("application/json", body(id).to_string()) };
            let answer = request.await;
            assert_eq!(
                answer.json["code"], "escalation",
                "{id} gives something, or is to be listed as giving nothing: {}",
                answer.text
            );
            answer.problem(403, "escalation");
            attacked.insert(id.to_owned());
        }
    }
    assert_eq!(
        attacked,
        [
            "addClientSecret",
            "createIdentityProvider",
            "editClient",
            "editIdentityProvider",
            "endMemberSessions",
            "inviteMember",
            "removeMember"
        ]
        .map(str::to_owned)
        .into()
    );
    let log_in = json!({"email": office.bob.email, "password": PASSWORD});
    server.post("/v1/sessions", &log_in).await.expect(201);
}
