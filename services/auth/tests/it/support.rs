//! What a test of auth needs: the service with its own keys and a clock that stands still, and a look at what it says.

use access::{client::PlatformClient, token::Verifier};
use auth::{Auth, config::Settings, opaque::sha256};
use chrono::{DateTime, TimeDelta, Utc};
use common::ambient::Ambient;
use contracts::{
    id::{Principal, TenantId, UserId},
    messages::{Message, SendMail},
};
use serde_json::{Value, json};
use service_kit::Config;
use std::collections::HashMap;
use test_support::{Link, TestPlatform, TestServer};

pub const PASSWORD: &str = "seven leagues at a stride";
pub const PUBLIC_URL: &str = "https://auth.test";
/// As `PUBLIC_URL`: where the service under test is found, as on a developer's machine.
pub const ITSELF: &str = "itself";
pub const WORKER_SECRET: &str = "the worker's own secret";

/// Keeps what auth says, as the relay takes it out of the outbox.
const KEEP_MESSAGES: &str = "
    CREATE TABLE said (n bigint GENERATED ALWAYS AS IDENTITY, envelope jsonb NOT NULL);
    CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN
    INSERT INTO said (envelope) VALUES (NEW.envelope); RETURN NEW; END $$;
    CREATE TRIGGER keep AFTER INSERT ON outbox FOR EACH ROW EXECUTE FUNCTION keep();";

/// auth with its own keys. The server stops before what it stands on is removed.
pub struct World {
    pub server: TestServer,
    pub platform: TestPlatform,
    pub clock: Ambient,
    variables: HashMap<String, String>,
}

/// A user with a tenant of their own.
#[derive(Debug)]
pub struct Account {
    pub email: String,
    pub user: UserId,
    pub tenant: TenantId,
}

impl World {
    pub async fn start() -> Self {
        Self::with(&[]).await
    }

    /// auth, where Ada has a tenant.
    pub async fn with_ada() -> (Self, Account) {
        let world = Self::start().await;
        let ada = world.account("ada@acme.test", "Acme").await;
        (world, ada)
    }

    /// auth with some variables set otherwise.
    pub async fn with(changes: &[(&str, String)]) -> Self {
        Self::on(TestPlatform::of::<Auth>().await, changes).await
    }

    pub async fn on(platform: TestPlatform, changes: &[(&str, String)]) -> Self {
        sqlx::raw_sql(KEEP_MESSAGES).execute(&platform.pool).await.unwrap();
        let clock = Ambient::test(Ambient::system().now());
        let mut variables = environment(&platform);
        variables.extend(changes.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        let (time, given) = (clock.clone(), variables.clone());
        let serve = |lifecycle, bound: common::server::Bound, _| {
            let own = format!("http://{}", bound.address().unwrap());
            if variables["PUBLIC_URL"] == ITSELF {
                variables.insert("PUBLIC_URL".to_owned(), own.clone());
            }
            variables.extend([("AUTH_URL".to_owned(), own.clone()), ("TOKEN_ISSUER".to_owned(), own)]);
            service_kit::start::<Auth>(config(variables), bound, time, lifecycle)
        };
        let server = platform.serve(serve).await.documented(service_kit::openapi::<auth::Auth>());
        let variables = [("AUTH_URL".to_owned(), server.url.clone()), ("TOKEN_ISSUER".to_owned(), server.url.clone())];
        let variables = given.into_iter().chain(variables).collect();
        Self { server, platform, clock, variables }
    }

    /// Orders the mails that waited, as every process of auth does now and then.
    pub async fn send_waiting(&self) {
        let app = service_kit::app::<Auth>(config(self.variables.clone()), self.clock.clone()).await.unwrap();
        auth::delayed_mails::send(&app, test_support::background()).await.unwrap();
    }

    /// Tells Redis of sessions that ended while it was away, as every process of auth does now and then.
    pub async fn tell_ended(&self) {
        let app = service_kit::app::<Auth>(config(self.variables.clone()), self.clock.clone()).await.unwrap();
        auth::sessions::ending::tell_interrupted(&app, test_support::background(), self.clock.now()).await.unwrap();
    }

    /// Forgets what expired, as if it were this late.
    pub async fn sweep(&self, now: DateTime<Utc>) {
        auth::sweep::sweep(&self.platform.db(), test_support::background(), now).await.unwrap();
    }

    /// What auth has said of a kind, in order.
    pub async fn said<M: Message>(&self) -> Vec<M> {
        let rows =
            sqlx::query_scalar::<_, Value>("SELECT envelope->'data' FROM said WHERE envelope->>'type' = $1 ORDER BY n");
        let rows = rows.bind(M::TYPE).fetch_all(&self.platform.pool).await.unwrap();
        rows.into_iter().map(|row| serde_json::from_value(row).unwrap()).collect()
    }

    /// The mails of a template to an address, in order.
    pub async fn mails(&self, template: &str, recipient: &str) -> Vec<SendMail> {
        self.said::<SendMail>()
            .await
            .into_iter()
            .filter(|mail| mail.mail.template() == template && mail.recipient == recipient)
            .collect()
    }

    /// The path of the link in the last such mail.
    pub async fn link(&self, template: &str, recipient: &str) -> String {
        let mails = self.mails(template, recipient).await;
        path_of(mails.last().expect("a mail"))
    }

    /// Registers, and gives the path of the link.
    pub async fn register(&self, email: &str, tenant: &str) -> String {
        let body = registration(email, tenant);
        assert_eq!(self.server.post("/v1/users", &body).await.expect(202), json!({"status": "verification_sent"}));
        self.link("verify-email", email).await
    }

    /// Registers and confirms.
    pub async fn account(&self, email: &str, tenant: &str) -> Account {
        let link = self.register(email, tenant).await;
        let made = self.server.post(&link, &json!({"password": PASSWORD})).await.expect(200);
        Account { email: email.to_owned(), user: id(&made["user_id"]), tenant: id(&made["tenant_id"]) }
    }

    pub async fn log_in(&self, account: &Account) -> Value {
        self.server.post("/v1/sessions", &json!({"email": account.email, "password": PASSWORD})).await.expect(201)
    }

    /// The access token of a new log-in.
    pub async fn token(&self, account: &Account) -> String {
        text(&self.log_in(account).await, "access_token").to_owned()
    }

    /// Somebody with a tenant of their own, who has exactly these permissions there, and their token.
    pub async fn signed_in(&self, email: &str, tenant: &str, permissions: &[&str]) -> (Account, String) {
        let account = self.account(email, tenant).await;
        self.allow(&account, permissions).await;
        let token = self.token(&account).await;
        (account, token)
    }

    /// Verifies tokens as another service does.
    pub fn verifier(&self) -> Verifier {
        let client = PlatformClient::with_credentials(&self.server.url, "worker", WORKER_SECRET.into());
        Verifier::new(client, &self.server.url, &self.server.url, "sevenleague")
    }

    /// auth, and a link to one of the services that it needs.
    pub async fn behind_a_link(variable: &'static str) -> (Self, Link) {
        let platform = TestPlatform::of::<Auth>().await;
        let url = environment(&platform)[variable].clone();
        let link = Link::to(&url).await;
        (Self::on(platform, &[(variable, link.through(&url))]).await, link)
    }

    /// Invites the address by the token of somebody in `host`'s tenant, and joins with the usual password.
    pub async fn joins(&self, host: &Account, token: &str, email: &str) -> Account {
        self.server.post("/v1/invitations", &json!({"email": email})).bearer(token).await.expect(202);
        let link = self.link("invitation", email).await;
        // What was joined first is told by the time.
        self.clock.advance(TimeDelta::seconds(1));
        let joined = self.server.post(&link, &json!({"display_name": "Bob", "password": PASSWORD})).await.expect(201);
        Account { email: email.to_owned(), user: id(&joined["user_id"]), tenant: host.tenant }
    }

    /// A token of the platform client `worker`.
    pub async fn worker_token(&self) -> String {
        self.platform_token("worker").await
    }

    /// A token of one of the platform's clients that auth knows by the worker's secret.
    pub async fn platform_token(&self, client: &str) -> String {
        let form = [("grant_type", "client_credentials"), ("client_id", client), ("client_secret", WORKER_SECRET)];
        text(&self.server.post_form("/v1/oauth/token", &form).await.expect(200), "access_token").to_owned()
    }

    /// Gives exactly these permissions in the account's tenant.
    pub async fn allow(&self, account: &Account, permissions: &[&str]) {
        self.platform.allow(account.tenant, &Principal::User(account.user), permissions).await;
    }

    pub async fn count(&self, table: &str) -> i64 {
        let sql = format!("SELECT count(*) FROM {table}");
        sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_one(&self.platform.pool).await.unwrap()
    }
}

/// auth's variables, with the cheapest hash that it takes; tokens are the test issuer's.
pub fn environment(platform: &TestPlatform) -> HashMap<String, String> {
    let mut variables = platform.env();
    let hash = |secret: &str| hex::encode(sha256(&[secret.as_bytes()]));
    let clients = format!("auth:{},worker:{1},permission:{1}", hash(&variables["CLIENT_SECRET"]), hash(WORKER_SECRET));
    let own = [
        ("KEY_ENCRYPTION_KEY", "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=".to_owned()),
        ("PLATFORM_CLIENTS", clients),
        ("PUBLIC_URL", PUBLIC_URL.to_owned()),
        ("ARGON2_MEMORY_KIB", "19456".to_owned()),
        ("ARGON2_ITERATIONS", "2".to_owned()),
    ];
    variables.extend(own.map(|(name, value)| (name.to_owned(), value)));
    variables
}

pub fn config(variables: HashMap<String, String>) -> Config<Settings> {
    test_support::config::<Auth>(variables)
}

pub fn registration(email: &str, tenant: &str) -> Value {
    json!({"email": email, "password": PASSWORD, "display_name": "Ada", "tenant_name": tenant})
}

/// The variable of that name, as JSON.
pub fn variable(mail: &SendMail, name: &str) -> Value {
    mail.mail.variables().unwrap()[name].take()
}

pub fn path_of(mail: &SendMail) -> String {
    path_in(mail, "link")
}

/// The path of auth's link in the variable of that name.
pub fn path_in(mail: &SendMail, name: &str) -> String {
    let link = variable(mail, name);
    let (origin, path) = link.as_str().and_then(|link| Some(link.split_at(link.find("/v1/")?))).expect("a link");
    assert!(
        origin == PUBLIC_URL || origin.starts_with("http://localhost:") || origin.starts_with("http://127.0.0.1:"),
        "a link to auth: {link}"
    );
    path.to_owned()
}

pub fn id<T: std::str::FromStr<Err: std::fmt::Debug>>(value: &Value) -> T {
    value.as_str().expect("an id").parse().unwrap()
}

pub fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_else(|| panic!("no {field} in {value}"))
}

/// The status of the first answer that is not "too busy": the machine under test may be small.
pub async fn answered(request: &reqwest::RequestBuilder) -> u16 {
    loop {
        match request.try_clone().unwrap().send().await.unwrap().status().as_u16() {
            503 => tokio::time::sleep(std::time::Duration::from_millis(50)).await,
            status => return status,
        }
    }
}
