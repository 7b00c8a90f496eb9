//! Step 5: how does a tenant get a copy of a service?

use super::{
    guide::Guide,
    http::{list, text},
    sessions::Session,
};
use anyhow::{Result, ensure};
use local_stack::tools;
use serde_json::{Value, json};
use std::time::Instant;

const INSTANCES: &str = "/v1/instances";

/// A copy of the forum that waits for its setup form, or is past it.
pub struct Instance {
    pub id: String,
    pub host: String,
    pub setup_code: String,
}

pub async fn enable(guide: &Guide, ada: &Session) -> Result<Instance> {
    catalog(guide, ada).await?;
    let host = &guide.people.ada.host;
    let wrong = [
        ("an unknown module", json!({ "service": "forum", "host": host, "modules": ["ghosts"] }), "modules[0]"),
        ("a bad host name", json!({ "service": "forum", "host": "http://not a host", "modules": [] }), "host"),
        (
            "a name that people take for the platform's",
            json!({ "service": "forum", "host": "sign-in.forum.localhost", "modules": [] }),
            "host",
        ),
        ("an unknown service", json!({ "service": "ghost", "host": host, "modules": [] }), "service"),
    ];
    for (what, body, field) in wrong {
        guide.post("configurator", INSTANCES).bearer(&ada.token).json(&body).invalid(&[field]).await?;
        guide.saw(format!("{what}: 422, and errors[] names {field}"));
    }
    let began = Instant::now();
    let instance = request(guide, ada, host, &["polls"]).await?;
    guide.saw(format!(
        "on {host} with polls: awaiting_setup {:.1} s after the 202, with a setup code",
        began.elapsed().as_secs_f32()
    ));
    exists(guide, &instance.id).await?;
    let taken = json!({ "service": "forum", "host": host, "modules": [] });
    guide.post("configurator", INSTANCES).bearer(&ada.token).json(&taken).refused(409, "host_taken").await?;
    guide.saw("the same host again: 409 host_taken");
    unproved(guide, ada).await?;
    Ok(instance)
}

/// A host of somebody else's domain is not served, and what waits can be cancelled.
async fn unproved(guide: &Guide, ada: &Session) -> Result<()> {
    let body = json!({ "service": "forum", "host": format!("bank{}.example.com", guide.people.tag), "modules": [] });
    let instance = guide.post("configurator", INSTANCES).bearer(&ada.token).json(&body).expect(202).await?;
    ensure!(
        instance["state"] == "awaiting_proof" && instance["host_proof"]["record_type"] == "TXT",
        "{instance} is not to be proved"
    );
    let path = format!("{INSTANCES}/{}", text(&instance, "/id")?);
    guide
        .post("configurator", &format!("{path}/verify-host"))
        .bearer(&ada.token)
        .refused(409, "host_not_proved")
        .await?;
    guide.delete("configurator", &path).bearer(&ada.token).expect(202).await?;
    let gone =
        async || Ok((guide.get("configurator", &path).bearer(&ada.token).send().await?.status == 404).then_some(()));
    guide.wait("the cancelled instance to be gone", gone).await?;
    guide.saw("a host of somebody else's domain: it waits for a DNS record of that domain, and can be cancelled");
    Ok(())
}

async fn catalog(guide: &Guide, ada: &Session) -> Result<()> {
    let services = guide.get("configurator", "/v1/services").bearer(&ada.token).expect(200).await?;
    let forum =
        list(&services, "/items").iter().find(|service| service["service"] == "forum").cloned().unwrap_or_default();
    // A module is its name, or an object that has one.
    let modules: Vec<_> =
        list(&forum, "/modules").iter().filter_map(|module| module.as_str().or(module["name"].as_str())).collect();
    ensure!(modules.contains(&"polls") && modules.contains(&"statistics"), "the forum's modules are not in {services}");
    guide.saw(format!(
        "the catalog has forum {} with the modules of its bundle: {}",
        text(&forum, "/version")?,
        modules.join(", ")
    ));
    Ok(())
}

/// Orders a forum and waits until it can be set up.
pub async fn request(guide: &Guide, owner: &Session, host: &str, modules: &[&str]) -> Result<Instance> {
    request_of("forum", guide, owner, host, modules).await
}

/// The same for any product.
pub async fn request_of(
    product: &str,
    guide: &Guide,
    owner: &Session,
    host: &str,
    modules: &[&str],
) -> Result<Instance> {
    let body = json!({ "service": product, "host": host, "modules": modules });
    let answer = guide.post("configurator", INSTANCES).bearer(&owner.token).json(&body).send().await?.has(202)?;
    let id = text(&answer.json()?, "/id")?.to_owned();
    ensure!(
        answer.header("location").is_some_and(|location| location.ends_with(&id)),
        "the 202 does not say where the instance is"
    );
    let setup_code =
        wait_until(guide, owner, &id, "awaiting_setup", |instance| text(instance, "/setup_code").map(str::to_owned))
            .await?;
    Ok(Instance { id, host: host.to_owned(), setup_code })
}

/// Waits until the instance is in `state`; an error at once if a step of it failed.
pub async fn wait_until<T>(
    guide: &Guide,
    owner: &Session,
    id: &str,
    state: &str,
    take: impl Fn(&Value) -> Result<T>,
) -> Result<T> {
    let reached = async || {
        let instance = guide.get("configurator", &format!("{INSTANCES}/{id}")).bearer(&owner.token).expect(200).await?;
        if !instance["reason"].is_null() {
            return Ok(Some(Err(anyhow::anyhow!("{instance} failed"))));
        }
        Ok((instance["state"] == state).then(|| take(&instance)))
    };
    guide.wait(&format!("instance {id} to be {state}"), reached).await?
}

/// A database of its own, an owner and a user of it, and nobody else let in.
async fn exists(guide: &Guide, id: &str) -> Result<()> {
    let database = format!("i_{}", id.replace('-', ""));
    let query = format!(
        "SELECT (SELECT count(*) FROM pg_database d JOIN pg_roles o ON o.oid = d.datdba
         WHERE d.datname = '{database}' AND o.rolname = '{database}_owner'),
                (SELECT count(*) FROM pg_roles WHERE rolname IN ('{database}_owner', '{database}_app')
                AND rolcanlogin AND NOT rolsuper),
                has_database_privilege('{database}_app', '{database}', 'CONNECT'), has_database_privilege('billing',
                '{database}', 'CONNECT')"
    );
    // The only question of the tour that HTTP cannot answer.
    let found = tools::psql(&guide.state.postgres_url, &query).await?;
    ensure!(
        found == "1|2|t|f",
        "PostgreSQL should have database {database}, its owner and its app role, and says {found}"
    );
    guide.saw(format!(
        "PostgreSQL, asked by psql: database {database}, roles …_owner and …_app, and no other role may connect"
    ));
    Ok(())
}
