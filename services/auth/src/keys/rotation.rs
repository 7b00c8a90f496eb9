//! Rotation of the signing keys, by schedule and by order. Whichever process looks first does it, under a lock.

use super::{
    entries,
    model::{Due, find, may_sign_at},
    pair::{NotMade, generate},
    store::{self, State, StoredKey},
};
use audit::note_of_platform;
use chrono::{DateTime, SecondsFormat, Utc};
use common::{
    ambient::Ambient,
    db::{Db, TenantlessTx},
    problem::Problem,
    sealing::{Sealer, Unopened},
};

/// In the place of a key id: every key.
pub const ALL: &str = "all";

/// Changes the keys in the database; cheap to clone.
#[derive(Clone)]
pub struct Rotation {
    pub db: Db,
    pub sealer: Sealer,
    pub ambient: Ambient,
}

#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("the signing keys cannot be read or written")]
    Database(#[from] sqlx::Error),
    #[error(
        "the signing keys cannot be decrypted: they were sealed under another key than KEY_ENCRYPTION_KEY and \
         KEY_ENCRYPTION_KEYS_PREVIOUS"
    )]
    Sealed(#[from] Unopened),
    #[error(transparent)]
    NotMade(#[from] NotMade),
    #[error("there is no {0:?} signing key")]
    Missing(State),
    #[error("there is no signing key '{0}'")]
    NoSuchKey(String),
    #[error(
        "the next key may sign from {} on: verifiers must know it before. In an emergency, `auth replace-signing-key` \
         makes one that signs at once", .0.to_rfc3339_opts(SecondsFormat::Secs, true)
    )]
    NotYet(DateTime<Utc>),
}

impl From<KeyError> for Problem {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::Database(error) => error.into(),
            other => Self::internal(&other),
        }
    }
}

impl Rotation {
    pub async fn read(&self) -> sqlx::Result<Vec<StoredKey>> {
        store::all(&mut *self.db.pool().acquire().await?).await
    }

    /// Does what is due; gives the keys as they are then.
    pub async fn tend(&self) -> Result<Vec<StoredKey>, KeyError> {
        let keys = self.read().await?;
        if Due::of(&keys, self.ambient.now()) == Due::default() {
            return Ok(keys);
        }
        let (mut tx, keys) = self.begin().await?;
        let due = Due::of(&keys, self.ambient.now());
        if due.first {
            self.make(&mut tx, State::Current).await?;
        }
        if due.rotation {
            self.promote(&mut tx, &keys).await?;
        }
        if due.next {
            self.make(&mut tx, State::Next).await?;
        }
        store::delete(&mut tx, &due.over).await?;
        due.over.iter().for_each(|kid| note_of_platform(&mut tx, entries::deleted(kid)));
        self.end(tx).await
    }

    /// The next key signs from now on, if it was published for long enough.
    pub async fn rotate(&self) -> Result<Vec<StoredKey>, KeyError> {
        self.tend().await?;
        let (mut tx, keys) = self.begin().await?;
        let may_sign =
            find(&keys, State::Next).map(|next| may_sign_at(next.since)).ok_or(KeyError::Missing(State::Next))?;
        if self.ambient.now() < may_sign {
            return Err(KeyError::NotYet(may_sign));
        }
        self.promote(&mut tx, &keys).await?;
        self.make(&mut tx, State::Next).await?;
        self.end(tx).await
    }

    /// A key that nobody knows yet signs from now on; the one before it still verifies. The next key lay beside that
    /// one, and is never used.
    pub async fn replace(&self) -> Result<Vec<StoredKey>, KeyError> {
        let (mut tx, keys) = self.begin().await?;
        self.replace_in(&mut tx, &keys).await?;
        self.end(tx).await
    }

    /// What the key has signed is refused from now on; `all` does so to every key. If it signs, or will be the next to,
    /// new ones take its place at once.
    pub async fn revoke(&self, kid: &str) -> Result<Vec<StoredKey>, KeyError> {
        let (mut tx, keys) = self.begin().await?;
        let revoked: Vec<_> = keys.iter().filter(|key| kid == ALL || key.kid == kid).collect();
        if revoked.is_empty() {
            return Err(KeyError::NoSuchKey(kid.to_owned()));
        }
        let is_there = |state| revoked.iter().any(|key| key.state == state);
        let kids: Vec<_> = revoked.iter().map(|key| key.kid.clone()).collect();
        store::delete(&mut tx, &kids).await?;
        kids.iter().for_each(|kid| note_of_platform(&mut tx, entries::revoked(kid)));
        tracing::warn!(?kids, "Signing keys were revoked");
        if is_there(State::Current) {
            self.replace_in(&mut tx, &keys).await?;
        } else if is_there(State::Next) {
            self.make(&mut tx, State::Next).await?;
        }
        self.end(tx).await
    }

    async fn replace_in(&self, tx: &mut TenantlessTx, keys: &[StoredKey]) -> Result<(), KeyError> {
        let next: Vec<_> = find(keys, State::Next).map(|next| next.kid.clone()).into_iter().collect();
        store::delete(tx, &next).await?;
        next.iter().for_each(|kid| note_of_platform(tx, entries::deleted(kid)));
        self.retire(tx).await?;
        self.make(tx, State::Current).await?;
        self.make(tx, State::Next).await
    }

    /// A key that does not open would stop everybody from logging in.
    async fn promote(&self, tx: &mut TenantlessTx, keys: &[StoredKey]) -> Result<(), KeyError> {
        let next = find(keys, State::Next).ok_or(KeyError::Missing(State::Next))?;
        self.sealer.open(next.kid.as_bytes(), &next.sealed_private_key)?;
        self.retire(tx).await?;
        store::promote_next(tx, self.ambient.now()).await?;
        note_of_platform(tx, entries::promoted(&next.kid));
        tracing::info!(kid = next.kid, "The signing key was rotated");
        Ok(())
    }

    /// The current key, if it is still there.
    async fn retire(&self, tx: &mut TenantlessTx) -> sqlx::Result<()> {
        if let Some(kid) = store::retire_current(tx, self.ambient.now()).await? {
            note_of_platform(tx, entries::retired(&kid));
        }
        Ok(())
    }

    async fn make(&self, tx: &mut TenantlessTx, state: State) -> Result<(), KeyError> {
        let key = generate(&self.ambient, &self.sealer, state, self.ambient.now())?;
        store::insert(tx, &key).await?;
        note_of_platform(tx, entries::made(&key.kid, state));
        tracing::info!(kid = key.kid, ?state, "A signing key was made");
        Ok(())
    }

    async fn begin(&self) -> sqlx::Result<(TenantlessTx, Vec<StoredKey>)> {
        let mut tx = self.db.begin_tenantless().await?;
        store::lock(&mut tx).await?;
        let keys = store::all(&mut tx).await?;
        Ok((tx, keys))
    }

    async fn end(&self, mut tx: TenantlessTx) -> Result<Vec<StoredKey>, KeyError> {
        let keys = store::all(&mut tx).await?;
        tx.commit().await?;
        Ok(keys)
    }
}
