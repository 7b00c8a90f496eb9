//! What every test stands on: the service on a free port, and tenants whose people have real grants.

use contracts::{
    id::{Principal, TenantId},
    messages::{MemberJoined, TenantCreated, TenantKind},
};
use serde_json::{Value, json};
use std::collections::HashMap;
use test_support::{Link, TestAnswer, TestPlatform, TestServer, TestUser, eventually};
use uuid::Uuid;

pub struct World {
    // First, so that it stops before what it runs on is removed.
    pub server: TestServer,
    pub platform: TestPlatform,
}

impl World {
    pub async fn start() -> Self {
        let platform = TestPlatform::of::<permission::Permission>().await;
        let server = serve(&platform, platform.env()).await;
        Self { server, platform }
    }

    pub async fn with_owner() -> (Self, TestUser) {
        let world = Self::start().await;
        let owner = world.owner().await;
        (world, owner)
    }

    /// With the owner of a tenant, and somebody in it without any grant.
    pub async fn with_stranger() -> (Self, TestUser, TestUser) {
        let world = Self::start().await;
        let (owner, stranger) = world.owner_and_stranger().await;
        (world, owner, stranger)
    }

    pub async fn owner_and_stranger(&self) -> (TestUser, TestUser) {
        let owner = self.owner().await;
        let stranger = self.stranger(owner.tenant).await;
        (owner, stranger)
    }

    /// Somebody signed in to the tenant, without any grant.
    pub async fn stranger(&self, tenant: TenantId) -> TestUser {
        self.platform.user(tenant, &[]).await
    }

    /// A machine of the tenant that auth knows, written as a principal.
    pub fn machine(&self, tenant: TenantId) -> String {
        let id = self.platform.ambient.uuid();
        let machine = Principal::Client(id.to_string());
        self.platform.issuer.enrol(tenant, &machine, id);
        machine.to_string()
    }

    /// The owner of a new customer tenant, by the message that auth sends. Their cache says at first that they may do
    /// nothing.
    pub async fn owner(&self) -> TestUser {
        self.founder(TenantKind::Customer).await
    }

    pub async fn operator(&self) -> TestUser {
        self.founder(TenantKind::Platform).await
    }

    async fn founder(&self, kind: TenantKind) -> TestUser {
        let founder = self.stranger(self.platform.tenant()).await;
        self.platform.publish(Some(founder.tenant), &tenant_created(&founder, kind)).await;
        self.until_allowed("/v1/grants", &founder).await;
        // The founder's stamp comes before the tenant's, or after it: only when both are written does a record last.
        self.counted("SELECT count(*) FROM pending_stamps", 0).await;
        self.get("/v1/grants", &founder).await.expect(200);
        founder
    }

    /// A member of the tenant, by the message that auth sends.
    pub async fn member(&self, tenant: TenantId) -> TestUser {
        let member = self.stranger(tenant).await;
        self.say_joined(&member, None).await;
        let query = "SELECT count(*) FROM grants WHERE principal = $1";
        let held = async || {
            (sqlx::query_scalar::<_, i64>(query).bind(principal(&member)).fetch_one(&self.platform.pool).await.unwrap()
                == 1)
                .then_some(())
        };
        eventually("the member has a grant", held).await;
        member
    }

    /// The message of auth that the user is a member of their tenant.
    pub async fn say_joined(&self, user: &TestUser, membership_id: Option<Uuid>) {
        let joined = MemberJoined { tenant_id: user.tenant, user_id: user.user, membership_id };
        self.platform.publish(Some(user.tenant), &joined).await;
    }

    pub async fn until_allowed(&self, path: &str, user: &TestUser) {
        eventually("it is allowed", async || (self.get(path, user).await.status == 200).then_some(())).await;
    }

    pub async fn get(&self, path: &str, user: &TestUser) -> TestAnswer {
        self.server.get(path).bearer(&user.token).send().await
    }

    pub async fn post(&self, path: &str, user: &TestUser, body: Value) -> TestAnswer {
        self.server.post(path, &body).bearer(&user.token).send().await
    }

    pub async fn put(&self, path: &str, user: &TestUser) -> TestAnswer {
        self.server.request("PUT".parse().unwrap(), path).bearer(&user.token).send().await
    }

    pub async fn delete(&self, path: &str, user: &TestUser) -> TestAnswer {
        self.server.delete(path).bearer(&user.token).send().await
    }

    /// Makes a role and gives its id.
    pub async fn role(&self, by: &TestUser, name: &str, permissions: &[&str], includes: &[&str]) -> String {
        let body = json!({"name": name, "permissions": permissions, "includes": includes});
        id(&self.server.post("/v1/roles", &body).bearer(&by.token).repeated().await.expect(201))
    }

    /// Edits a role from the revision that was read.
    pub async fn edit_role(&self, by: &TestUser, id: &str, etag: &str, body: Value) -> TestAnswer {
        self.server.put(&format!("/v1/roles/{id}"), &body).header("if-match", etag).bearer(&by.token).send().await
    }

    /// Makes a group with these members and gives its id.
    pub async fn group(&self, by: &TestUser, name: &str, members: &[&TestUser]) -> String {
        let made = self.server.post("/v1/groups", &json!({"name": name})).bearer(&by.token).repeated().await;
        let id = id(&made.expect(201));
        for member in members {
            self.join(by, &id, member).await.expect(204);
        }
        id
    }

    pub async fn join(&self, by: &TestUser, group: &str, member: &TestUser) -> TestAnswer {
        self.put(&format!("/v1/groups/{group}/members/{}", principal(member)), by).await
    }

    pub async fn leave(&self, by: &TestUser, group: &str, member: &TestUser) -> TestAnswer {
        self.delete(&format!("/v1/groups/{group}/members/{}", principal(member)), by).await
    }

    /// Denies one permission by name.
    pub async fn deny(&self, by: &TestUser, to: &str, permission: &str) -> TestAnswer {
        self.post("/v1/grants", by, json!({"principal": to, "permission": permission, "effect": "deny"})).await
    }

    /// Grants `what`, such as a role, to a principal or group.
    pub async fn give(&self, by: &TestUser, to: &str, mut what: Value) -> Value {
        what["principal"] = to.into();
        self.server.post("/v1/grants", &what).bearer(&by.token).repeated().await.expect(201)
    }

    /// Grants one permission by name and gives the grant's id.
    pub async fn grant(&self, by: &TestUser, to: &TestUser, permission: &str) -> String {
        id(&self.give(by, &principal(to), json!({"permission": permission})).await)
    }

    /// All items of a list, read in pages of at most `limit`.
    pub async fn list(&self, by: &TestUser, path: &str, limit: usize) -> Vec<Value> {
        let (mut all, first) =
            (Vec::new(), format!("{path}{}limit={limit}", if path.contains('?') { '&' } else { '?' }));
        let mut address = first.clone();
        loop {
            let mut page = self.get(&address, by).await.expect(200);
            let Value::Array(items) = page["items"].take() else { panic!("{page}") };
            assert!(items.len() <= limit);
            all.extend(items);
            let Some(cursor) = page["next_cursor"].as_str() else { return all };
            address = format!("{first}&cursor={cursor}");
        }
    }

    pub async fn revoke(&self, by: &TestUser, grant: &str) -> TestAnswer {
        self.delete(&format!("/v1/grants/{grant}"), by).await
    }

    /// Revokes the first grant that gives the user the role.
    pub async fn revoke_role(&self, by: &TestUser, of: &TestUser, role: &str) -> TestAnswer {
        self.revoke(by, &self.grants_of(by, of, role).await[0]).await
    }

    /// The ids of the principal's grants of a role.
    pub async fn grants_of(&self, by: &TestUser, user: &TestUser, role: &str) -> Vec<String> {
        let grants = self.list(by, &format!("/v1/grants?principal={}", principal(user)), 200).await;
        grants.iter().filter(|grant| grant["role"] == role).map(id).collect()
    }

    pub async fn permissions(&self, user: &TestUser) -> Vec<String> {
        serde_json::from_value(self.get("/v1/me/permissions", user).await.expect(200)["permissions"].take()).unwrap()
    }

    pub async fn register(&self, client: &str, permissions: Value) -> TestAnswer {
        let list = json!({"namespace": client, "permissions": permissions});
        self.server
            .put(&format!("/internal/manifests/{client}"), &list)
            .bearer(&self.platform.client_token(client))
            .send()
            .await
    }

    /// Waits until the query counts that many.
    pub async fn counted(&self, query: &'static str, many: i64) {
        eventually(query, async || (self.count(query).await == many).then_some(())).await;
    }

    pub async fn count(&self, query: &'static str) -> i64 {
        sqlx::query_scalar(query).fetch_one(&self.platform.pool).await.unwrap()
    }

    /// Waits until a statement of this database waits for a lock.
    pub async fn until_somebody_waits(&self) {
        let query =
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
        eventually("a statement waits for a lock", async || (self.count(query).await > 0).then_some(())).await;
    }
}

/// The service, with a link to Redis that can be cut.
pub async fn behind_a_link() -> (World, Link) {
    let platform = TestPlatform::of::<permission::Permission>().await;
    let mut variables = platform.env();
    let link = Link::to(&variables["REDIS_URL"]).await;
    variables.insert("REDIS_URL".into(), link.through(&variables["REDIS_URL"]));
    let server = serve(&platform, variables).await;
    (World { server, platform }, link)
}

pub async fn serve(platform: &TestPlatform, variables: HashMap<String, String>) -> TestServer {
    platform.run::<permission::Permission>(variables).await
}

pub fn principal(user: &TestUser) -> String {
    format!("user:{}", user.user)
}

pub fn tenant_created(founder: &TestUser, kind: TenantKind) -> TenantCreated {
    TenantCreated {
        tenant_id: founder.tenant,
        name: "Acme".into(),
        kind,
        owner_user_id: founder.user,
        owner_email: "ada@acme.test".into(),
    }
}

/// Everything that this service knows, to be compared. Stamps on their way to Redis are waited for: they pass by
/// themselves.
pub async fn state(world: &World) -> Vec<String> {
    world.counted("SELECT count(*) FROM pending_stamps", 0).await;
    let query = "SELECT 'tenant ' || t::text FROM tenants t UNION ALL SELECT 'grant ' || g::text FROM grants g
                 UNION ALL SELECT 'role ' || r::text FROM roles r
        UNION ALL SELECT 'holds ' || p::text FROM role_permissions p UNION ALL SELECT 'includes ' || i::text
        FROM role_includes i
        UNION ALL SELECT 'version ' || v::text FROM role_versions v UNION ALL SELECT 'group ' || g::text FROM groups g
        UNION ALL SELECT 'member ' || m::text FROM group_members m UNION ALL SELECT 'permission ' || p::text
        FROM permissions p
        UNION ALL SELECT 'audit ' || a::text FROM audit a ORDER BY 1";
    sqlx::query_scalar(query).fetch_all(&world.platform.pool).await.unwrap()
}

/// The id of what a write made, or a list shows.
pub fn id(item: &Value) -> String {
    item["id"].as_str().unwrap().to_owned()
}

/// That field of every item.
pub fn texts(items: &[Value], field: &str) -> Vec<String> {
    items.iter().map(|item| item[field].as_str().unwrap().to_owned()).collect()
}

/// What a write made, as a list shows it.
pub fn shown(mut written: Value) -> Value {
    assert!(written.as_object_mut().unwrap().remove("version").is_some_and(|version| version.is_u64()));
    written
}

/// An entry of a service's list.
pub fn entry(name: &str) -> Value {
    json!({"name": name, "text": "A permission"})
}
