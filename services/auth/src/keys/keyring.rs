//! The keyring, which signs tokens with the current Ed25519 key (RFC 8037) and notices when another one is.

use super::{
    model::{SIGNS_UNREAD, find},
    pair::Jwk,
    rotation::{KeyError, Rotation},
    store::{State, StoredKey},
};
use access::token::{Claims, TOKEN_TYPE};
use common::{
    poller::Poller,
    problem::{Chain, Problem},
};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Serialize, de::DeserializeOwned};
use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};
use tokio::{
    sync::Mutex,
    time::{Instant, timeout},
};
use tokio_util::sync::CancellationToken;

/// A rotation by another process is noticed after it, at the latest.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// The published keys are read for whoever asks; while the database does not answer in this time, the known ones are
/// shown.
const READ_PATIENCE: Duration = Duration::from_secs(2);

/// Signs access tokens; cheap to clone.
#[derive(Clone)]
pub struct Keyring(Arc<Inner>);

struct Inner {
    rotation: Rotation,
    known: RwLock<Option<Arc<Known>>>,
    /// Held by whoever reads the keys.
    reading: Mutex<()>,
}

struct Known {
    signing: Arc<Signing>,
    /// Key id and public key of every key that is published.
    public: Vec<(String, Vec<u8>)>,
    /// When the reading began.
    read_at: Instant,
}

struct Signing {
    kid: String,
    header: Header,
    key: EncodingKey,
}

impl Keyring {
    pub fn new(rotation: Rotation) -> Self {
        Self(Arc::new(Inner { rotation, known: RwLock::default(), reading: Mutex::default() }))
    }

    /// Reads the keys, making those that are missing. An error if one that signs, or will, does not open.
    pub async fn load(&self) -> Result<(), KeyError> {
        for key in self.tend().await? {
            if key.state != State::Previous {
                self.open(&key)?;
            }
        }
        Ok(())
    }

    /// Does to the keys what is due and notices what others did, until `shutdown`.
    pub(crate) async fn run(self, shutdown: CancellationToken) {
        let mut poller = Poller::every(LOOK_EVERY, shutdown);
        while poller.next().await {
            let pass = self.tend().await;
            if let Some(current) = pass.as_ref().ok().and_then(|keys| find(keys, State::Current)) {
                let age = self.0.rotation.ambient.now() - current.since;
                metrics::gauge!("signing_key_age_seconds").set(age.as_seconds_f64());
            }
            poller.report(pass.map(|_| false), "The signing keys cannot be looked after");
        }
    }

    /// Every public key that tokens may be verified with, as of now: a key that was just made must not be missing, nor
    /// one be there that was just revoked.
    pub async fn public(&self) -> Result<Vec<Jwk>, KeyError> {
        let read = timeout(READ_PATIENCE, self.read()).await.unwrap_or(Err(sqlx::Error::PoolTimedOut.into()));
        let known = match read {
            Ok(known) => known,
            Err(error) => self.not_too_old().ok_or(error)?,
        };
        Ok(known.public.iter().map(|(kid, public_key)| Jwk::new(kid, public_key)).collect())
    }

    /// An access token that says `claims` (RFC 9068).
    pub async fn sign(&self, claims: &Claims) -> Result<String, Problem> {
        self.sign_as(TOKEN_TYPE, claims).await
    }

    /// A token of this `typ` that says `claims`.
    pub async fn sign_as<T: Serialize>(&self, typ: &str, claims: &T) -> Result<String, Problem> {
        let known = match self.not_too_old() {
            Some(known) => known,
            None => self.read().await?,
        };
        let Signing { header, key, .. } = &*known.signing;
        let header = Header { typ: Some(typ.to_owned()), ..header.clone() };
        jsonwebtoken::encode(&header, claims, key).map_err(|error| Problem::internal(&error))
    }

    /// What a token of this `typ` says that one of our keys has signed, for whomever it is and however old.
    pub async fn claims<T: DeserializeOwned>(&self, typ: &str, token: &str) -> Result<Option<T>, Problem> {
        let header = jsonwebtoken::decode_header(token).ok();
        let header = header.filter(|header| {
            header.typ.as_deref() == Some(typ) && header.alg == Algorithm::EdDSA && header.crit.is_none()
        });
        let Some(kid) = header.and_then(|header| header.kid) else { return Ok(None) };
        let Some(public) = self.public_key(&kid).await? else { return Ok(None) };
        let mut validation = Validation::new(Algorithm::EdDSA);
        (validation.validate_exp, validation.validate_aud) = (false, false);
        validation.required_spec_claims.clear();
        let decoded = jsonwebtoken::decode::<T>(token, &DecodingKey::from_ed_der(&public), &validation);
        Ok(decoded.ok().map(|data| data.claims))
    }

    /// The published key of that id; one that is not known may be new.
    async fn public_key(&self, kid: &str) -> Result<Option<Vec<u8>>, KeyError> {
        let among = |known: &Known| known.public.iter().find(|(own, _)| own == kid).map(|(_, key)| key.clone());
        match self.not_too_old().and_then(|known| among(&known)) {
            Some(key) => Ok(Some(key)),
            None => Ok(among(&*self.read().await?)),
        }
    }

    /// Reads the keys after this call began; those who wait share one reading.
    async fn read(&self) -> Result<Arc<Known>, KeyError> {
        let asked_at = Instant::now();
        let _reading = self.0.reading.lock().await;
        if let Some(known) = self.known().filter(|known| known.read_at >= asked_at) {
            return Ok(known);
        }
        let read_at = Instant::now();
        let mut keys = self.0.rotation.read().await?;
        if find(&keys, State::Current).is_none() {
            keys = self.0.rotation.tend().await?;
        }
        self.remember(&keys, read_at)
    }

    async fn tend(&self) -> Result<Vec<StoredKey>, KeyError> {
        let _reading = self.0.reading.lock().await;
        let read_at = Instant::now();
        let keys = self.0.rotation.tend().await?;
        self.remember(&keys, read_at)?;
        Ok(keys)
    }

    fn remember(&self, keys: &[StoredKey], read_at: Instant) -> Result<Arc<Known>, KeyError> {
        let current = find(keys, State::Current).ok_or(KeyError::Missing(State::Current))?;
        let before = self.known().map(|known| known.signing.clone());
        let signing = match before {
            Some(before) if before.kid == current.kid => before,
            // In the middle of a deployment others may seal under a key that this process was not told of.
            Some(before) if keys.iter().any(|key| key.kid == before.kid) => {
                self.open(current).unwrap_or_else(|error| {
                    tracing::error!(error = %Chain(&error), "The key before the current one signs on");
                    before
                })
            }
            _ => self.open(current)?,
        };
        let public = keys.iter().map(|key| (key.kid.clone(), key.public_key.clone())).collect();
        let known = Arc::new(Known { signing, public, read_at });
        *self.0.known.write().unwrap_or_else(PoisonError::into_inner) = Some(known.clone());
        Ok(known)
    }

    fn open(&self, key: &StoredKey) -> Result<Arc<Signing>, KeyError> {
        let private = self.0.rotation.sealer.open(key.kid.as_bytes(), &key.sealed_private_key)?;
        let header =
            Header { typ: Some(TOKEN_TYPE.into()), kid: Some(key.kid.clone()), ..Header::new(Algorithm::EdDSA) };
        Ok(Arc::new(Signing { kid: key.kid.clone(), header, key: EncodingKey::from_ed_der(&private) }))
    }

    fn known(&self) -> Option<Arc<Known>> {
        self.0.known.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn not_too_old(&self) -> Option<Arc<Known>> {
        self.known().filter(|known| known.read_at.elapsed() < SIGNS_UNREAD.to_std().unwrap_or_default())
    }
}
