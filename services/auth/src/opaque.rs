//! Opaque tokens, which are kept as a hash; what only their holder may read back is encrypted.

use aws_lc_rs::{
    constant_time::verify_slices_are_equal,
    digest::{SHA256, digest},
};
use common::{ambient::Ambient, problem::Problem, sealing::Sealer};

pub const HASH_LEN: usize = 32;

/// A token as its holder has it: 256 random bits in base64url. It is stored only as its hash.
#[derive(Clone)]
pub struct OpaqueToken {
    text: String,
    /// Hashed with it: what belongs to an app is not found where a person's own token is looked for.
    domain: &'static [u8],
}

/// Of refresh tokens of apps.
const APP: &[u8] = b"app refresh ";

impl OpaqueToken {
    pub fn new(ambient: &Ambient) -> Self {
        Self::shown(ambient.token())
    }

    /// The token that a caller has shown.
    pub fn shown(text: impl Into<String>) -> Self {
        Self { text: text.into(), domain: b"" }
    }

    /// A refresh token for an app.
    pub fn of_app(ambient: &Ambient) -> Self {
        Self::shown_by_app(ambient.token())
    }

    /// The refresh token that an app has shown.
    pub fn shown_by_app(text: impl Into<String>) -> Self {
        Self { text: text.into(), domain: APP }
    }

    /// The next token, for the same holder as this one.
    pub fn next(&self, ambient: &Ambient) -> Self {
        self.with_text(ambient.token())
    }

    /// Another token of the same holder.
    pub fn with_text(&self, text: String) -> Self {
        Self { text, domain: self.domain }
    }

    pub fn expose(&self) -> &str {
        &self.text
    }

    /// What is stored. A plain hash is enough: nobody guesses 256 random bits.
    pub fn hash(&self) -> [u8; HASH_LEN] {
        sha256(&[self.domain, self.text.as_bytes()])
    }

    /// Whether this is the token whose hash was stored; takes the same time whichever byte is wrong.
    pub fn matches(&self, stored: &[u8]) -> bool {
        verify_slices_are_equal(&self.hash(), stored).is_ok()
    }

    /// Encrypts what only the holder of this token may read back.
    pub fn sealer(&self) -> Sealer {
        Sealer::new(&sha256(&[b"sevenleague refresh child", self.text.as_bytes()]))
    }
}

/// What a used, an expired and an unknown link answer: which of them it is, is nobody's business.
pub fn link_used() -> Problem {
    Problem::gone("link_used", "The link was used already, or it has expired. Ask for a new one.")
}

/// SHA-256 of the parts, one after the other.
pub fn sha256(parts: &[&[u8]]) -> [u8; HASH_LEN] {
    let mut hash = [0; HASH_LEN];
    hash.copy_from_slice(digest(&SHA256, &parts.concat()).as_ref());
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_not_its_hash() {
        let token = OpaqueToken::new(&Ambient::system());
        assert_eq!(token.hash(), OpaqueToken::shown(token.expose()).hash());
        assert!(token.matches(&token.hash()) && !token.matches(&[]));
        assert_ne!(token.hash(), OpaqueToken::shown_by_app(token.expose()).hash());
        assert_ne!(token.hash(), OpaqueToken::new(&Ambient::system()).hash());
    }
}
