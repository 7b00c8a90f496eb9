//! SCRAM-SHA-256 verifiers (RFC 5802 §3, RFC 7677): all that the server learns of a password, so that no log of it can
//! show more.

use aws_lc_rs::{digest, hmac, pbkdf2};
use base64::{Engine, engine::general_purpose::STANDARD};
use std::num::NonZeroU32;

/// What PostgreSQL itself uses. Our passwords are 256 random bits, which no number of iterations makes stronger.
const ITERATIONS: NonZeroU32 = NonZeroU32::new(4096).expect("not zero");

/// The verifier of an ASCII password, as PostgreSQL takes it in `PASSWORD '…'`.
pub fn verifier(password: &str, salt: &[u8; 16]) -> String {
    let keys = Keys::derive(password, salt);
    let stored = digest::digest(&digest::SHA256, &keys.client);
    let [salt, stored, server] = [salt.as_slice(), stored.as_ref(), &keys.server].map(|bytes| STANDARD.encode(bytes));
    format!("SCRAM-SHA-256${ITERATIONS}:{salt}${stored}:{server}")
}

struct Keys {
    client: Vec<u8>,
    server: Vec<u8>,
}

impl Keys {
    fn derive(password: &str, salt: &[u8]) -> Self {
        let mut salted = [0; digest::SHA256_OUTPUT_LEN];
        pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, ITERATIONS, salt, password.as_bytes(), &mut salted);
        let key = hmac::Key::new(hmac::HMAC_SHA256, &salted);
        let derive = |name: &[u8]| hmac::sign(&key, name).as_ref().to_vec();
        Self { client: derive(b"Client Key"), server: derive(b"Server Key") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The exchange of RFC 7677 §3.
    #[test]
    fn keys_are_those_of_the_rfc() {
        let salt = STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
        let messages = "n=user,r=rOprNGfwEbeRWgbNEkqO,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
        let key = hmac::Key::new(hmac::HMAC_SHA256, &Keys::derive("pencil", &salt).server);
        assert_eq!(
            STANDARD.encode(hmac::sign(&key, messages.as_bytes())),
            "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="
        );
    }

    #[test]
    fn a_verifier_hides_the_password() {
        let verifier = verifier("secret", &[1; 16]);
        assert!(verifier.starts_with("SCRAM-SHA-256$4096:AQEBAQEBAQEBAQEBAQEBAQ==$"));
        assert!(!verifier.contains("secret"));
    }
}
