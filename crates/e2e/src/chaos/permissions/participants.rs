//! Who takes part: an owner who gives and takes, and people of her tenant, each of whom loses what they have in one
//! way.

use super::{person::Person, readers::PERMISSIONS, world::World, writers::Way};
use crate::tour::{guide::Guide, http::text, registration, sessions};
use anyhow::Result;
use serde_json::{Value, json};

/// Of everybody but the owner.
pub const PASSWORD: &str = "seventeen herons above the weir";
/// People a way.
const EACH: usize = 2;

pub struct Participants {
    pub tenant: String,
    pub people: Vec<(Person, Way)>,
    /// The address of somebody who logs in and out.
    pub leaver: String,
}

/// Makes the tenant, its people, roles and groups.
pub async fn gather(guide: &Guide, world: &World) -> Result<Participants> {
    let ada = &guide.people.ada;
    registration::sign_up(guide, ada).await?;
    let session = sessions::log_in(guide, ada).await?;
    let setting = Setting { guide, world, token: session.token };
    setting.post("/v1/roles", json!({ "name": world.role, "permissions": PERMISSIONS })).await?;

    let email = |number: usize| format!("chaos-{number}@acme-{}.test", guide.people.tag);
    let ways = 4 * EACH;
    for number in 0..=ways {
        let invitation = json!({ "email": email(number) });
        guide.post("auth", "/v1/invitations").bearer(&setting.token).json(&invitation).expect(202).await?;
    }
    let mut people = Vec::new();
    for number in 0..ways {
        let person = setting.join(&email(number)).await?;
        let way = setting.way(number, &person).await?;
        people.push((person, way));
    }
    let leaver = setting.join(&email(ways)).await?;
    setting.grant(&leaver.principal, world.role).await?;
    Ok(Participants { tenant: session.tenant_id, people, leaver: email(ways) })
}

/// The owner, logged in.
pub async fn owner(guide: &Guide, world: &World) -> Result<Person> {
    Person::log_in(world, &guide.people.ada.email, guide.people.ada.password).await
}

struct Setting<'a> {
    guide: &'a Guide,
    world: &'a World,
    token: String,
}

impl Setting<'_> {
    async fn post(&self, path: &str, body: Value) -> Result<Value> {
        self.guide.post("permission", path).bearer(&self.token).json(&body).expect(201).await
    }

    async fn grant(&self, principal: &str, role: &str) -> Result<Value> {
        self.post("/v1/grants", json!({ "principal": principal, "role": role })).await
    }

    async fn join(&self, email: &str) -> Result<Person> {
        registration::accept_invitation(self.guide, email, PASSWORD).await?;
        Person::log_in(self.world, email, PASSWORD).await
    }

    /// Everything but what the way itself gives and takes.
    async fn way(&self, number: usize, person: &Person) -> Result<Way> {
        let name = format!("chaos-{number}");
        Ok(match number / EACH {
            0 => Way::Grant,
            1 => {
                let role = self.post("/v1/roles", json!({ "name": name, "permissions": PERMISSIONS })).await?;
                self.grant(&person.principal, &name).await?;
                Way::Role { id: text(&role, "/id")?.to_owned(), name }
            }
            2 => {
                let group = self.post("/v1/groups", json!({ "name": name })).await?;
                let id = text(&group, "/id")?.to_owned();
                self.grant(&format!("group:{id}"), self.world.role).await?;
                Way::Group { id }
            }
            _ => {
                self.grant(&person.principal, self.world.role).await?;
                Way::Denial
            }
        })
    }
}
