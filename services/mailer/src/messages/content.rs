//! How does the content of a mail lie in the ledger? Its variables hold links that let people in: sealed, and bound to the mail's row.

use super::queue::Claimed;
use crate::config::ENCRYPTION_KEY;
use common::{ambient::Ambient, sealing::Sealer};
use serde_json::{Map, Value};
use uuid::Uuid;

/// Why there is nothing to render.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    #[error("its content is gone")]
    Gone,
    #[error(
        "its content does not open: {ENCRYPTION_KEY} is not the one it was sealed under, or the row was tampered with"
    )]
    Unopened,
}

pub fn seal(sealer: &Sealer, ambient: &Ambient, id: Uuid, variables: &Map<String, Value>) -> Vec<u8> {
    let text = Value::from(variables.clone()).to_string();
    sealer.seal(ambient, id.as_bytes(), text.as_bytes())
}

/// The variables of a mail. A row of a process of the version before has them in plain.
pub fn open(sealer: &Sealer, mail: &Claimed) -> Result<Map<String, Value>, Unreadable> {
    match (&mail.variables_sealed, &mail.variables) {
        (Some(sealed), _) => {
            let text = sealer.open(mail.id.as_bytes(), sealed).map_err(|_| Unreadable::Unopened)?;
            serde_json::from_slice(&text).map_err(|_| Unreadable::Unopened)
        }
        (None, Some(Value::Object(variables))) => Ok(variables.clone()),
        (None, _) => Err(Unreadable::Gone),
    }
}
