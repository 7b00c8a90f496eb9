//! A provisioned instance: a database with its two roles, as configurator makes them, and the endpoints that hand out
//! its credentials and tell on which host it lives.

use axum::{
    Json, Router,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    routing::get,
};
use contracts::id::{InstanceId, TenantId};
use reqwest::Url;
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
};
use test_support::{admin_url, clean_up, eventually, run_sql};
use tokio::net::TcpListener;

const PASSWORD: &str = "never-in-a-log";

/// The database of one instance; removed when dropped.
pub struct Instance {
    pub id: InstanceId,
    database: String,
}

async fn admin(sql: String) {
    run_sql(&admin_url(), sql).await;
}

impl Instance {
    pub async fn provision(id: InstanceId) -> Self {
        let database = format!("i_{}", id.0.simple());
        for role in ["owner", "app"] {
            admin(format!("CREATE ROLE {database}_{role} LOGIN PASSWORD '{PASSWORD}'")).await;
        }
        admin(format!("CREATE DATABASE {database} OWNER {database}_owner")).await;
        admin(format!("REVOKE CONNECT ON DATABASE {database} FROM PUBLIC")).await;
        admin(format!("GRANT CONNECT ON DATABASE {database} TO {database}_app")).await;
        Self { id, database }
    }

    fn url(&self, role: &str) -> String {
        let mut url: Url = admin_url().parse().unwrap();
        url.set_username(&format!("{}_{role}", self.database)).unwrap();
        url.set_password(Some(PASSWORD)).unwrap();
        url.set_path(&self.database);
        url.into()
    }

    pub async fn connect(&self, role: &str) -> PgConnection {
        PgConnection::connect(&self.url(role)).await.unwrap()
    }

    /// The one number that `sql` gives, asked by the owner.
    pub async fn number(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&mut self.connect("owner").await).await.unwrap()
    }

    /// The names that `sql` gives, asked by the owner.
    pub async fn names(&self, sql: &'static str) -> Vec<String> {
        sqlx::query_scalar(sql).fetch_all(&mut self.connect("owner").await).await.unwrap()
    }

    /// Waits until some statement of a bundle sleeps, or until none does.
    pub async fn until_sleeping(&self, sleeps: bool) {
        let what = if sleeps { "a migration is in its middle" } else { "the migration is cut off" };
        let mut admin = PgConnection::connect(&admin_url()).await.unwrap();
        let admin = &mut admin;
        eventually(what, async || {
            let sleeping: bool = sqlx::query_scalar(
                "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = $1 AND wait_event = 'PgSleep')",
            )
            .bind(&self.database)
            .fetch_one(&mut *admin)
            .await
            .unwrap();
            (sleeping == sleeps).then_some(())
        })
        .await;
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        let database = self.database.clone();
        clean_up(async move || {
            admin(format!("DROP DATABASE {database} WITH (FORCE)")).await;
            admin(format!("DROP ROLE {database}_owner, {database}_app")).await;
        });
    }
}

/// The endpoints of configurator that the worker and a product call.
#[derive(Clone)]
pub struct Configurator {
    pub url: String,
    answers: Arc<Answers>,
}

struct Answers {
    instance: InstanceId,
    credentials: Value,
    /// So many more calls are answered with 503.
    outage: AtomicU32,
    hosts: Mutex<HashMap<String, Value>>,
}

impl Configurator {
    pub async fn start(instance: &Instance, tenant: TenantId) -> Self {
        let app_role = format!("{}_app", instance.database);
        let credentials = json!({"database_url": instance.url("owner"), "app_role": app_role,
            "app_database_url": instance.url("app"), "tenant_id": tenant, "service": "forum"});
        let answers = Arc::new(Answers {
            instance: instance.id,
            credentials,
            outage: AtomicU32::new(0),
            hosts: Mutex::default(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new()
            .route("/internal/instances/{id}/credentials", get(credentials_of))
            .route("/internal/hosts/{host}", get(host))
            .with_state(answers.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, answers }
    }

    /// The instance is active, and lives on `host`.
    pub fn host(&self, host: &str, instance: &Instance, tenant: TenantId) {
        let record = json!({"instance_id": instance.id, "tenant_id": tenant, "service": "forum", "version": "1.0.0",
            "state": "active", "modules": [], "settings": {}, "setup_schema": {}, "generation": 1,
            "database_url": instance.url("app")});
        self.answers.hosts.lock().unwrap().insert(host.to_owned(), record);
    }

    /// Answers the next `calls` with 503.
    pub fn fail(&self, calls: u32) {
        self.answers.outage.store(calls, Ordering::SeqCst);
    }
}

async fn credentials_of(
    State(answers): State<Arc<Answers>>,
    Path(id): Path<InstanceId>,
    headers: HeaderMap,
) -> Result<Json<Value>, StatusCode> {
    if !headers.contains_key("authorization") {
        return Err(StatusCode::UNAUTHORIZED);
    }
    if answers.outage.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |calls| calls.checked_sub(1)).is_ok() {
        return Err(StatusCode::SERVICE_UNAVAILABLE);
    }
    if id == answers.instance { Ok(Json(answers.credentials.clone())) } else { Err(StatusCode::NOT_FOUND) }
}

async fn host(State(answers): State<Arc<Answers>>, Path(host): Path<String>) -> Result<Json<Value>, StatusCode> {
    answers.hosts.lock().unwrap().get(&host).cloned().map(Json).ok_or(StatusCode::NOT_FOUND)
}
