//! The state of a running stack: `state.json` in its folder says how one gets in, for the tour and for people.

use crate::files;
use anyhow::Result;
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct State {
    /// The stack's folder: data, logs, this file.
    pub folder: PathBuf,
    /// By name; the worker of a product is `<product>-worker`.
    pub services: BTreeMap<String, Running>,
    /// Where the example page is served.
    pub frontend: Option<String>,
    pub operator: Operator,
    /// By which each product is known as a client.
    #[serde(default)]
    pub product_secrets: BTreeMap<String, String>,
    /// Sound in every other way: its session lives, and its key is the one in use.
    pub expired_token: String,
    /// PostgreSQL's superuser, database `postgres`.
    pub postgres_url: String,
    /// Redis's administrator.
    pub redis_url: String,
    /// `AWS_…` variables; `AWS_ENDPOINT_URL` is ministack.
    pub aws: BTreeMap<String, String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Running {
    pub url: String,
    pub ops_url: String,
    pub pid: u32,
    pub log: PathBuf,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Operator {
    pub email: String,
    pub password: String,
    pub access_token: String,
}

impl State {
    pub fn save(&self) -> Result<()> {
        files::write_json(&file(&self.folder), self)
    }
}

/// What a stack in that folder says of itself; `None` unless it is running.
pub fn read(folder: &Path) -> Result<Option<State>> {
    files::read_json(&file(folder))
}

pub fn file(folder: &Path) -> PathBuf {
    folder.join("state.json")
}
