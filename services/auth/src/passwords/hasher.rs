//! Argon2id hashes of passwords (RFC 9106), made off the async threads, at most one a core at a time
//! ([`super::threads`]).

use super::threads::{HashingThreads, NoHash};
use argon2::{Algorithm, Argon2, Block, Params, PasswordHash, Version, password_hash::Error};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use common::{ambient::Ambient, problem::Problem};
use secrecy::{ExposeSecret, SecretString};
use std::{sync::Arc, time::Duration};

/// OWASP's least: below it a stolen hash is guessed too fast.
const LEAST: Cost = Cost { memory_kib: 19_456, iterations: 2 };
const DEFAULT: Cost = Cost { memory_kib: 65_536, iterations: 3 };
/// Above it one log-in would take the memory of the whole process.
const MOST: Cost = Cost { memory_kib: 1_048_576, iterations: 20 };
const LANES: u32 = 1;
const SALT_LEN: usize = 16;
/// A caller waits this long for a core; then others are in front of it that it should not wait for.
pub const LONGEST_WAIT: Duration = Duration::from_secs(2);
/// Seconds after which a caller that found no core may try again.
const RETRY_AFTER_BUSY: u32 = 2;

common::settings! {
    /// What one hash costs, and so one guess.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Cost {
        /// Memory that the hash of a password takes, in KiB.
        pub memory_kib: u32 = between("ARGON2_MEMORY_KIB", DEFAULT.memory_kib, LEAST.memory_kib..=MOST.memory_kib),
        /// How often the hash of a password goes over it.
        pub iterations: u32 = between("ARGON2_ITERATIONS", DEFAULT.iterations, LEAST.iterations..=MOST.iterations),
    }
}

/// What a comparison found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Wrong,
    Right,
    /// Right, but hashed at another cost than today's.
    RightButOutdated,
}

/// Hashes and compares passwords; cheap to clone.
#[derive(Clone)]
pub struct Hasher {
    argon2: Argon2<'static>,
    cost: Cost,
    threads: HashingThreads,
    patience: Duration,
    /// Compared with where there is no user, so that the answer takes as long.
    dummy: Arc<str>,
    ambient: Ambient,
}

impl Hasher {
    /// Takes as long as one hash.
    pub fn new(cost: Cost, ambient: Ambient) -> anyhow::Result<Self> {
        let params = Params::new(cost.memory_kib, cost.iterations, LANES, None).map_err(anyhow::Error::msg)?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let dummy =
            hash_now(&argon2, &ambient.token(), &ambient.bytes(), &mut Vec::new()).map_err(anyhow::Error::msg)?;
        Ok(Self {
            argon2,
            cost,
            threads: HashingThreads::start()?,
            patience: LONGEST_WAIT,
            dummy: dummy.into(),
            ambient,
        })
    }

    /// The hash of `password` in PHC string format. 503 if every core is busy.
    pub async fn hash(&self, password: &SecretString) -> Result<String, Problem> {
        let (argon2, password, salt) = (self.argon2.clone(), password.clone(), self.ambient.bytes());
        self.on_a_core(move |memory| hash_now(&argon2, password.expose_secret(), &salt, memory))
            .await?
            .map_err(|error| Problem::internal(&error))
    }

    /// Compares `password` with `hash`, or with nobody's hash; both take the same time. 503 if every core is busy.
    pub async fn verify(&self, password: &SecretString, hash: Option<&str>) -> Result<Verdict, Problem> {
        let known = hash.is_some();
        let hash: Arc<str> = hash.map_or_else(|| Arc::clone(&self.dummy), Arc::from);
        let (password, cost) = (password.clone(), self.cost);
        let verdict = self.on_a_core(move |memory| verify_now(password.expose_secret(), &hash, cost, memory)).await?;
        verdict.map(|verdict| if known { verdict } else { Verdict::Wrong }).map_err(|error| Problem::internal(&error))
    }

    async fn on_a_core<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Vec<Block>) -> T + Send + 'static,
    ) -> Result<T, Problem> {
        match self.threads.run(self.patience, work).await {
            Ok(done) => Ok(done),
            Err(NoHash::Busy) => Err(busy()),
            Err(failed @ NoHash::Failed) => Err(Problem::internal(&failed)),
        }
    }
}

/// Every core is taken, and others are in front.
pub fn busy() -> Problem {
    tracing::warn!("Every core is hashing a password; a caller was turned away");
    Problem::unavailable(RETRY_AFTER_BUSY, "Too many passwords are being checked right now.")
}

/// In PHC string format (<https://github.com/P-H-C/phc-string-format>).
fn hash_now(
    argon2: &Argon2<'_>,
    password: &str,
    salt: &[u8; SALT_LEN],
    memory: &mut Vec<Block>,
) -> Result<String, Error> {
    let hash = output(argon2, password, salt, Params::DEFAULT_OUTPUT_LEN, memory)?;
    let (params, version) = (argon2.params(), u32::from(Version::V0x13));
    let (m, t, p) = (params.m_cost(), params.t_cost(), params.p_cost());
    let [salt, hash] = [&salt[..], &hash].map(|bytes| STANDARD_NO_PAD.encode(bytes));
    Ok(format!("${}$v={version}$m={m},t={t},p={p}${salt}${hash}", Algorithm::Argon2id))
}

fn verify_now(password: &str, hash: &str, cost: Cost, memory: &mut Vec<Block>) -> Result<Verdict, Error> {
    let hash = PasswordHash::new(hash)?;
    let (salt, expected) = hash.salt.zip(hash.hash).ok_or(Error::PasswordInvalid)?;
    let version = hash.version.map_or(Ok(Version::default()), Version::try_from)?;
    let params = Params::try_from(&hash)?;
    let is_current = (params.m_cost(), params.t_cost()) == (cost.memory_kib, cost.iterations);
    let argon2 = Argon2::new(Algorithm::try_from(hash.algorithm.as_str())?, version, params);
    let found = output(&argon2, password, salt.as_ref(), expected.len(), memory)?;
    Ok(match verify_slices_are_equal(&found, expected.as_bytes()) {
        Err(_) => Verdict::Wrong,
        Ok(()) if is_current => Verdict::Right,
        Ok(()) => Verdict::RightButOutdated,
    })
}

/// The hash alone, made in `memory`, which then has the size that it takes.
fn output(
    argon2: &Argon2<'_>,
    password: &str,
    salt: &[u8],
    len: usize,
    memory: &mut Vec<Block>,
) -> Result<Vec<u8>, Error> {
    let (blocks, mut out) = (argon2.params().block_count(), vec![0; len]);
    // What was made at another cost is rare, and must not leave the largest memory that there ever was.
    if memory.len() != blocks {
        *memory = Vec::new();
        memory.resize(blocks, Block::new());
    }
    argon2.hash_password_into_with_memory(password.as_bytes(), salt, &mut out, memory)?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use common::config::Env;

    fn hasher(cost: Cost) -> Hasher {
        Hasher::new(cost, Ambient::system()).unwrap()
    }

    #[tokio::test]
    async fn only_the_right_password_is_right() {
        let hasher = hasher(LEAST);
        let right = SecretString::from("correct horse battery");
        let hash = hasher.hash(&right).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert_ne!(hasher.hash(&right).await.unwrap(), hash);
        assert_eq!(hasher.verify(&right, Some(&hash)).await.unwrap(), Verdict::Right);
        assert_eq!(hasher.verify(&"another".into(), Some(&hash)).await.unwrap(), Verdict::Wrong);
        assert_eq!(hasher.verify(&right, None).await.unwrap(), Verdict::Wrong);
        let costlier = self::hasher(Cost { iterations: 3, ..LEAST });
        assert_eq!(costlier.verify(&right, Some(&hash)).await.unwrap(), Verdict::RightButOutdated);
    }

    /// The memory that is used again leaves no trace.
    #[tokio::test]
    async fn hashes_are_those_of_the_library() {
        let hasher = hasher(LEAST);
        let (one, other) = (SecretString::from("one"), SecretString::from("other"));
        for password in [&one, &other, &one] {
            let hash = hasher.hash(password).await.unwrap();
            let parsed = PasswordHash::new(&hash).unwrap();
            let library =
                argon2::PasswordVerifier::verify_password(&hasher.argon2, password.expose_secret().as_bytes(), &parsed);
            assert!(library.is_ok(), "{hash}");
            let salt: [u8; SALT_LEN] = parsed.salt.unwrap().as_ref().try_into().unwrap();
            let made = argon2::PasswordHasher::hash_password_with_salt(
                &hasher.argon2,
                password.expose_secret().as_bytes(),
                &salt,
            );
            assert_eq!(made.unwrap().to_string(), hash);
            assert_eq!(hasher.verify(password, Some(&hash)).await.unwrap(), Verdict::Right);
        }
    }

    #[tokio::test]
    async fn callers_who_find_no_core_may_come_back() {
        let hasher = Hasher { patience: Duration::ZERO, ..hasher(LEAST) };
        let cores = &hasher.threads.cores;
        let _taken = cores.acquire_many(u32::try_from(cores.available_permits()).unwrap()).await.unwrap();
        let refused = hasher.hash(&"x".into()).await.unwrap_err();
        assert_eq!((refused.status.as_u16(), refused.retry_after), (503, Some(RETRY_AFTER_BUSY)));
    }

    #[test]
    fn the_cost_never_falls_below_the_least() {
        for (name, value) in
            [("ARGON2_MEMORY_KIB", "19455"), ("ARGON2_ITERATIONS", "1"), ("ARGON2_MEMORY_KIB", "2000000")]
        {
            let mut env = Env::new([(name.to_owned(), value.to_owned())]);
            let cost = Cost::read(&mut env);
            assert!(env.finish(cost).unwrap_err().to_string().contains(name));
        }
        assert_eq!(Cost::read(&mut Env::new([])), Some(DEFAULT));
    }
}
