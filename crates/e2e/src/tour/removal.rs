//! Step 9, its end: a member who keeps the machines gets no further by them, and one who is removed is out everywhere.

use super::{
    guide::Guide,
    http::text,
    sessions::{self, Session},
};
use anyhow::{Result, ensure};
use serde_json::json;

const ROLE: &str = "machinist";

pub async fn hold_back_and_remove(guide: &Guide, ada: &Session, bob: &Session) -> Result<()> {
    let post = |service, path: &str| guide.post(service, path).bearer(&ada.token);
    let made = post("auth", "/v1/clients").json(&json!({ "name": "nightly import" })).expect(201).await?;
    let machine = text(&made, "/client/id")?;
    let machines_role = json!({ "principal": format!("client:{machine}"), "role": "owner" });
    post("permission", "/v1/grants").json(&machines_role).expect(201).await?;
    let role = json!({ "name": ROLE, "permissions": ["auth.writeClients", "auth.readMembers"] });
    post("permission", "/v1/roles").json(&role).expect(201).await?;
    let bobs = json!({ "principal": format!("user:{}", bob.user_id), "role": ROLE });
    post("permission", "/v1/grants").json(&bobs).expect(201).await?;
    let secrets = format!("/v1/clients/{machine}/secrets");
    guide.post("auth", &secrets).bearer(&bob.token).refused(403, "escalation").await?;
    guide.saw("Bob keeps the machines; a secret for one that owns the tenant: 403 escalation");

    let key = json!({ "name": "script", "permissions": ["auth.readMembers"] });
    let key = guide.post("auth", "/v1/api-keys").bearer(&bob.token).json(&key).expect(201).await?;
    let tokens = [bob.token.as_str(), text(&key, "/secret")?];
    for token in tokens {
        guide.get("auth", "/v1/members").bearer(token).expect(200).await?;
    }
    guide.delete("auth", &format!("/v1/members/{}", bob.user_id)).bearer(&ada.token).expect(204).await?;
    for token in tokens {
        for (service, path) in sessions::EVERYWHERE {
            guide.get(service, path).bearer(token).send().await?.has(401)?;
        }
    }
    let log_in =
        json!({ "email": guide.people.bob_email, "password": guide.people.bob_password, "tenant_id": ada.tenant_id });
    guide.post("auth", "/v1/sessions").json(&log_in).refused(403, "not_a_member").await?;
    let grants = format!("/v1/grants?principal=user:{}", bob.user_id);
    let left = guide.get("permission", &grants).bearer(&ada.token).expect(200).await?;
    ensure!(left["items"] == json!([]), "Bob is no member and still has {left}");
    post("permission", "/v1/grants").json(&bobs).invalid(&["principal"]).await?;
    guide.delete("auth", "/v1/members/me").bearer(&ada.token).refused(409, "last_owner").await?;
    guide.saw(
        "removed: his session and his key are 401 everywhere, nothing is granted to him, and nothing can be; \
               Ada, the last owner, stays",
    );
    Ok(())
}
