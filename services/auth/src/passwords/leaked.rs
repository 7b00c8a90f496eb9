//! Leaked passwords: is this one among those that were stolen elsewhere? Asked of a list on disk or of a range API,
//! both as Have I Been Pwned has them; of neither unless the settings name one.

mod file;
mod range;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use common::problem::{Chain, FieldError, Problem};
use contracts::public_url::PublicUrl;
use file::HashFile;
use range::RangeApi;
use secrecy::{ExposeSecret, SecretString};
use std::{error::Error, path::PathBuf, sync::Arc};

/// The lists are of SHA-1, which is good enough to find something in them.
const HASH_LEN: usize = 20;
type Hash = [u8; HASH_LEN];
type Fault = Box<dyn Error + Send + Sync>;

common::settings! {
    /// Where leaked passwords are looked up.
    pub struct LeakedSettings {
        /// File of leaked passwords that are refused, as Have I Been Pwned's downloader writes it: lines `SHA-1:count`,
        /// in the order of their hashes. It is read where it is, never into memory; a new one is taken at the next
        /// start.
        pub file: Option<PathBuf> = optional("LEAKED_PASSWORDS_FILE"),
        /// Base URL of a range API of leaked passwords that are refused, such as `https://api.pwnedpasswords.com`,
        /// unless there is a file. It learns five digits of a hash. While it is away passwords are taken without it.
        pub url: Option<PublicUrl> = optional("LEAKED_PASSWORDS_URL"),
    }
}

/// Looks passwords up; cheap to clone.
#[derive(Clone)]
pub struct LeakedPasswords(Option<List>);

#[derive(Clone)]
enum List {
    File(Arc<HashFile>),
    Range(RangeApi),
}

impl LeakedPasswords {
    /// A file that is none of that form is told at once.
    pub fn new(settings: LeakedSettings) -> anyhow::Result<Self> {
        Ok(Self(match (settings.file, settings.url) {
            (Some(path), _) => Some(List::File(Arc::new(HashFile::open(&path)?))),
            (None, Some(url)) => Some(List::Range(RangeApi::new(&url)?)),
            (None, None) => None,
        }))
    }

    /// 422 names `field` if its password is leaked.
    pub async fn refuse(&self, field: &str, password: &SecretString) -> Result<(), Problem> {
        if self.knows(password).await {
            let message = "is known from passwords that were stolen elsewhere; choose another";
            return Err(FieldError::new(field, "leaked", message).into());
        }
        Ok(())
    }

    /// Whether it is leaked; `false` also while nobody can say, as then nobody could choose a password.
    async fn knows(&self, password: &SecretString) -> bool {
        let Some(list) = &self.0 else { return false };
        let (known, outcome) = match list.has(sha1(password)).await {
            Ok(known) => (known, if known { "leaked" } else { "unknown" }),
            Err(fault) => {
                tracing::warn!(error = %Chain(&*fault), "Leaked passwords cannot be looked up; the embedded list alone \
                    decides");
                (false, "failed")
            }
        };
        metrics::counter!("leaked_password_checks_total", "outcome" => outcome).increment(1);
        known
    }
}

impl List {
    async fn has(&self, hash: Hash) -> Result<bool, Fault> {
        match self {
            Self::File(file) => {
                let file = Arc::clone(file);
                Ok(tokio::task::spawn_blocking(move || file.has(&hash)).await??)
            }
            Self::Range(api) => api.has(&hash).await,
        }
    }
}

fn sha1(password: &SecretString) -> Hash {
    let mut hash = [0; HASH_LEN];
    hash.copy_from_slice(digest(&SHA1_FOR_LEGACY_USE_ONLY, password.expose_secret().as_bytes()).as_ref());
    hash
}
