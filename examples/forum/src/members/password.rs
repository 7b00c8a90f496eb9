//! Hashes of passwords: argon2id, off the threads that serve requests, and not more at once than there are cores.

use argon2::{
    Argon2,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use common::{ambient::Ambient, problem::Problem};
use std::{sync::Arc, time::Duration};
use tokio::sync::Semaphore;

/// A request waits no longer for its turn.
const TURN: Duration = Duration::from_secs(3);
/// Verified when there is no such member, so that the answer takes as long: the hash of a password that nobody knows.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5LWtub3dzLWl0$jB6GRRJ8WX1q2cZ5H2L5T8J4xqyl2WqPSmE0cGkWm+0";

/// Hashes and verifies passwords; cheap to clone.
#[derive(Clone)]
pub struct Passwords {
    ambient: Ambient,
    turns: Arc<Semaphore>,
}

impl Passwords {
    pub fn new(ambient: Ambient) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self { ambient, turns: Arc::new(Semaphore::new(cores)) }
    }

    /// A PHC string with a salt of its own.
    pub async fn hash(&self, password: String) -> Result<String, Problem> {
        let salt: [u8; 16] = self.ambient.bytes();
        let hash = self
            .off_thread(move || {
                Argon2::default().hash_password_with_salt(password.as_bytes(), &salt).map(|hash| hash.to_string())
            })
            .await?;
        hash.map_err(|error| Problem::internal(&error))
    }

    /// Whether `password` is the one that was hashed; never, but not sooner, where there is no hash.
    pub async fn verify(&self, password: String, hash: Option<String>) -> Result<bool, Problem> {
        self.off_thread(move || {
            let matches = PasswordHash::new(hash.as_deref().unwrap_or(NOBODY))
                .is_ok_and(|parsed| Argon2::default().verify_password(password.as_bytes(), &parsed).is_ok());
            matches && hash.is_some()
        })
        .await
    }

    async fn off_thread<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
        let busy = || Problem::unavailable(1, "Too many people sign in right now.");
        let turn = tokio::time::timeout(TURN, Arc::clone(&self.turns).acquire_owned())
            .await
            .map_err(|_| busy())?
            .map_err(|_| busy())?;
        let worked = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            work()
        });
        worked.await.map_err(|error| Problem::internal(&error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_hashed_password_matches() {
        let passwords = Passwords::new(Ambient::system());
        let hash = passwords.hash("correct horse".into()).await.unwrap();
        assert!(hash.starts_with("$argon2id$"));
        assert!(passwords.verify("correct horse".into(), Some(hash.clone())).await.unwrap());
        assert!(!passwords.verify("wrong horse".into(), Some(hash)).await.unwrap());
        assert!(!passwords.verify("correct horse".into(), None).await.unwrap());
    }

    #[test]
    fn the_hash_of_nobody_costs_as_much_as_any() {
        let nobody = PasswordHash::new(NOBODY).unwrap();
        let anybody = Argon2::default().hash_password_with_salt(b"x", b"0123456789abcdef").unwrap();
        assert_eq!((nobody.algorithm, nobody.params.to_string()), (anybody.algorithm, anybody.params.to_string()));
    }
}
