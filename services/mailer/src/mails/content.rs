//! The content of a mail as it lies in the ledger: sealed, as it holds links that let people in, and bound to the
//! mail's row.

use super::queue_store::Claimed;
use crate::config::ENCRYPTION_KEY;
use common::{ambient::Ambient, sealing::Sealer};
use contracts::mails::AnyMail;
use serde_json::json;
use uuid::Uuid;

/// Why there is nothing to render.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    #[error("its content is gone")]
    Gone,
    #[error(
        "its content does not open: {ENCRYPTION_KEY} is not the one it was sealed under, or the row was tampered with"
    )]
    Unopened,
    /// It was one when it was taken: an older or a newer process may know it.
    #[error("its content is no mail that this process knows: {0}")]
    Unknown(serde_json::Error),
}

pub fn seal(sealer: &Sealer, ambient: &Ambient, id: Uuid, mail: &AnyMail) -> Vec<u8> {
    sealer.seal(ambient, id.as_bytes(), json!(mail).to_string().as_bytes())
}

pub fn open(sealer: &Sealer, mail: &Claimed) -> Result<AnyMail, Unreadable> {
    let sealed = mail.content_sealed.as_ref().ok_or(Unreadable::Gone)?;
    let text = sealer.open(mail.id.as_bytes(), sealed).map_err(|_| Unreadable::Unopened)?;
    serde_json::from_slice(&text).map_err(Unreadable::Unknown)
}
