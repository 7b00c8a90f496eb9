//! Step 3: who is logged in, what may they do, and when does it end?

use super::{
    guide::Guide,
    http::{Call, list, text},
    people::Owner,
};
use anyhow::{Result, ensure};
use serde_json::{Value, json};

/// An owner needs these for the story; of the platform's own they must have none.
const OWNERS: [&str; 7] = [
    "auth.inviteMembers",
    "billing.readInvoices",
    "billing.readUsage",
    "configurator.readInstances",
    "configurator.writeInstances",
    "permission.writeGrants",
    "permission.writeRoles",
];
const OPERATORS: [&str; 4] =
    ["billing.closeCycles", "configurator.publishServices", "mailer.readMessages", "worker.readJobs"];
/// What anybody who is signed in may ask, or would be refused only for a permission: one route of each service.
pub const EVERYWHERE: [(&str, &str); 6] = [
    ("auth", "/v1/me"),
    ("permission", "/v1/me/permissions"),
    ("billing", "/v1/usage"),
    ("configurator", "/v1/services"),
    ("mailer", "/v1/messages"),
    ("worker", "/v1/jobs"),
];

/// Somebody who is logged in.
pub struct Session {
    pub token: String,
    pub tenant_id: String,
    pub user_id: String,
}

/// The token by which a product knows who somebody is: nobody else takes it (RFC 8693, RFC 8707).
pub async fn for_product(guide: &Guide, token: &str, product: &str) -> Result<String> {
    exchange(guide, token, &format!("/products/{product}"), &[]).await
}

/// The token by which a product, which has such an id and secret, acts at the platform for whom `token` is of.
pub async fn for_platform(guide: &Guide, token: &str, (id, secret): (&str, &str)) -> Result<String> {
    exchange(guide, token, "", &[("client_id", id), ("client_secret", secret)]).await
}

async fn exchange(guide: &Guide, token: &str, resource: &str, credentials: &[(&str, &str)]) -> Result<String> {
    let discovery = guide.get("auth", "/.well-known/openid-configuration").expect(200).await?;
    let resource = format!("{}{resource}", text(&discovery, "/issuer")?);
    let form = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("subject_token", token),
        ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token"),
        ("resource", &resource),
    ];
    let form = [&form[..], credentials].concat();
    let answer = guide.post("auth", "/v1/oauth/token").form(&form).expect(200).await?;
    Ok(text(&answer, "/access_token")?.to_owned())
}

pub async fn log_in_and_out(guide: &Guide) -> Result<Session> {
    let ada = &guide.people.ada;
    login(guide, &ada.email, "not her password at all").refused(401, "credentials_wrong").await?;
    login(guide, "nobody@nowhere.test", ada.password).refused(401, "credentials_wrong").await?;
    guide.saw("a wrong password, and an unknown address: 401 credentials_wrong, the same");

    let first = login(guide, &ada.email, ada.password).expect(201).await?;
    wait_for_permission(guide, text(&first, "/access_token")?, OWNERS[1]).await?;
    let second = login(guide, &ada.email, ada.password).expect(201).await?;
    let permissions: Vec<_> = list(&second, "/permissions").iter().filter_map(Value::as_str).collect();
    for wanted in OWNERS {
        ensure!(permissions.contains(&wanted), "Ada owns the tenant and lacks {wanted}; she has {permissions:?}");
    }
    for unwanted in OPERATORS {
        ensure!(!permissions.contains(&unwanted), "Ada is no operator and has {unwanted}");
    }
    guide.saw(format!(
        "right: an access token for {} s, a refresh token, and the owner's {} permissions",
        second["expires_in"],
        permissions.len()
    ));

    let rotated = refresh(guide, text(&second, "/refresh_token")?).expect(200).await?;
    ensure!(
        rotated["refresh_token"] != second["refresh_token"] && rotated["session_id"] == second["session_id"],
        "the refresh token did not rotate"
    );
    let (old, new) = (text(&second, "/access_token")?, text(&rotated, "/access_token")?);
    guide.get("auth", "/v1/me").bearer(new).expect(200).await?;
    // The child is used, so the parent's return is a theft.
    let third = refresh(guide, text(&rotated, "/refresh_token")?).expect(200).await?;
    refresh(guide, text(&second, "/refresh_token")?).refused(401, "refresh_reused").await?;
    refresh(guide, text(&third, "/refresh_token")?).send().await?.has(401)?;
    guide.get("auth", "/v1/me").bearer(old).send().await?.has(401)?;
    guide.saw(
        "a refresh rotates the refresh token; an old one that comes back: 401 refresh_reused, and the session is over",
    );

    log_out(guide, text(&first, "/access_token")?).await?;
    log_in(guide, ada).await
}

/// The token works everywhere, and after the logout nowhere.
async fn log_out(guide: &Guide, token: &str) -> Result<()> {
    for (service, path) in EVERYWHERE {
        let status = guide.get(service, path).bearer(token).send().await?.status;
        ensure!(status == 200 || status == 403, "{service} answers {status} to a live session");
    }
    guide.delete("auth", "/v1/sessions/current").bearer(token).expect(204).await?;
    for (service, path) in EVERYWHERE {
        guide.get(service, path).bearer(token).send().await?.has(401)?;
    }
    guide.saw(format!(
        "logout: the next request with the same access token is 401 at {}",
        EVERYWHERE.map(|(service, _)| service).join(", ")
    ));
    Ok(())
}

/// Logs an owner in, once their tenant has arrived everywhere.
pub async fn log_in(guide: &Guide, owner: &Owner) -> Result<Session> {
    let session = log_in_as(guide, &owner.email, owner.password).await?;
    wait_for_permission(guide, &session.token, OWNERS[1]).await?;
    Ok(session)
}

pub async fn log_in_as(guide: &Guide, email: &str, password: &str) -> Result<Session> {
    let answer = login(guide, email, password).expect(201).await?;
    let member = |pointer| text(&answer, pointer).map(str::to_owned);
    Ok(Session { token: member("/access_token")?, tenant_id: member("/tenant/id")?, user_id: member("/user/id")? })
}

async fn wait_for_permission(guide: &Guide, token: &str, wanted: &str) -> Result<()> {
    let has = async || {
        let mine = guide.get("permission", "/v1/me/permissions").bearer(token).expect(200).await?;
        Ok(list(&mine, "/permissions").iter().any(|permission| permission == wanted).then_some(()))
    };
    guide.wait(&format!("the permission {wanted}, which follows the tenant by a message"), has).await
}

pub fn login(guide: &Guide, email: &str, password: &str) -> Call {
    guide.post("auth", "/v1/sessions").json(&json!({ "email": email, "password": password }))
}

fn refresh(guide: &Guide, token: &str) -> Call {
    guide.post("auth", "/v1/sessions/refresh").json(&json!({ "refresh_token": token }))
}
