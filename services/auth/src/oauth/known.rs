//! Clients by the id that they show, before anything is proved.

use super::{
    error::{Code, Refusal, refuse},
    store::{self, OAuthClient},
};
use crate::app::App;
use contracts::id::ClientId;

pub async fn find(app: &App, id: &str) -> Result<Option<OAuthClient>, Refusal> {
    let Ok(id) = id.parse::<ClientId>() else { return Ok(None) };
    Ok(store::client(&mut app.db.begin_lookup().await?, id).await?)
}

pub fn invalid_client() -> Refusal {
    refuse(Code::InvalidClient, "There is no client with this id and these credentials.")
}
