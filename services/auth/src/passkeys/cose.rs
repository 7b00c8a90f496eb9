//! Public keys of authenticators (COSE_Key, RFC 9052 §7, RFC 9053) and their signatures.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};
use ciborium::Value;

/// ES256, EdDSA and RS256, in the order in which they are wanted: what telephones, computers and security keys have.
pub const ALGORITHMS: [i64; 3] = [ES256, EDDSA, RS256];
const ES256: i64 = -7;
const EDDSA: i64 = -8;
const RS256: i64 = -257;

const KEY_TYPE: i64 = 1;
const ALGORITHM: i64 = 3;
const CURVE: i64 = -1;
const X: i64 = -2;
const Y: i64 = -3;
const MODULUS: i64 = -1;
const EXPONENT: i64 = -2;
const OCTET_KEY_PAIR: i64 = 1;
const ELLIPTIC_CURVE: i64 = 2;
const RSA: i64 = 3;
const P_256: i64 = 1;
const CURVE_25519: i64 = 6;
const COORDINATE_LEN: usize = 32;

/// A key whose signatures can be verified.
#[derive(Debug, PartialEq, Eq)]
pub enum PublicKey {
    /// An uncompressed point (SEC 1 §2.3.3).
    P256(Vec<u8>),
    Ed25519(Vec<u8>),
    Rsa {
        modulus: Vec<u8>,
        exponent: Vec<u8>,
    },
}

impl PublicKey {
    /// `None` for what is no key, or one of another kind.
    pub fn read(mut cose: &[u8]) -> Option<Self> {
        Self::of(&ciborium::from_reader(&mut cose).ok()?)
    }

    pub fn of(key: &Value) -> Option<Self> {
        let key = key.as_map()?;
        let find = |label: i64| {
            let found = key.iter().find(|(name, _)| name.as_integer().map(i128::from) == Some(label.into()));
            found.map(|(_, value)| value)
        };
        let number = |label| find(label)?.as_integer().map(i128::from).and_then(|number| i64::try_from(number).ok());
        let bytes = |label| find(label)?.as_bytes().cloned();
        let coordinate = |label| bytes(label).filter(|bytes| bytes.len() == COORDINATE_LEN);
        match (number(KEY_TYPE)?, number(ALGORITHM)?) {
            (ELLIPTIC_CURVE, ES256) if number(CURVE)? == P_256 => {
                Some(Self::P256([&[4][..], &coordinate(X)?, &coordinate(Y)?].concat()))
            }
            (OCTET_KEY_PAIR, EDDSA) if number(CURVE)? == CURVE_25519 => Some(Self::Ed25519(coordinate(X)?)),
            (RSA, RS256) => Some(Self::Rsa { modulus: bytes(MODULUS)?, exponent: bytes(EXPONENT)? }),
            _ => None,
        }
    }

    /// Whether the holder of the key has signed `message`.
    pub fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::P256(point) => UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).verify(message, signature),
            Self::Ed25519(key) => UnparsedPublicKey::new(&ED25519, key).verify(message, signature),
            Self::Rsa { modulus, exponent } => RsaPublicKeyComponents { n: modulus, e: exponent }.verify(
                &RSA_PKCS1_2048_8192_SHA256,
                message,
                signature,
            ),
        }
        .is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::{
        rand::SystemRandom,
        rsa::{KeyPair as RsaKeyPair, KeySize},
        signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256},
    };

    fn cose(members: &[(i64, Value)]) -> Vec<u8> {
        let map = Value::Map(members.iter().map(|(label, value)| ((*label).into(), value.clone())).collect());
        let mut bytes = Vec::new();
        ciborium::into_writer(&map, &mut bytes).unwrap();
        bytes
    }

    fn check(cose: &[u8], signature: &[u8]) {
        let key = PublicKey::read(cose).unwrap();
        assert!(key.has_signed(b"message", signature));
        assert!(!key.has_signed(b"another", signature) && !key.has_signed(b"message", &signature[1..]));
    }

    #[test]
    fn signatures_of_the_three_kinds_are_verified() {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
        let point = pair.public_key().as_ref();
        let (x, y) = (Value::Bytes(point[1..33].to_vec()), Value::Bytes(point[33..].to_vec()));
        let key = cose(&[(1, 2.into()), (3, (-7).into()), (-1, 1.into()), (-2, x), (-3, y)]);
        check(&key, pair.sign(&SystemRandom::new(), b"message").unwrap().as_ref());

        let pair = Ed25519KeyPair::generate().unwrap();
        let x = Value::Bytes(pair.public_key().as_ref().to_vec());
        let key = cose(&[(1, 1.into()), (3, (-8).into()), (-1, 6.into()), (-2, x)]);
        check(&key, pair.sign(b"message").as_ref());

        let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let public = pair.public_key();
        let (n, e) = (public.modulus().big_endian_without_leading_zero(), public.exponent());
        let n = Value::Bytes(n.to_vec());
        let e = Value::Bytes(e.big_endian_without_leading_zero().to_vec());
        let key = cose(&[(1, 3.into()), (3, (-257).into()), (-1, n), (-2, e)]);
        let mut signature = vec![0; pair.public_modulus_len()];
        pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), b"message", &mut signature).unwrap();
        check(&key, &signature);
    }

    #[test]
    fn other_keys_are_not_taken() {
        let x = || Value::Bytes(vec![1; 32]);
        let whole = [(1, 1.into()), (3, (-8).into()), (-1, 6.into()), (-2, x())];
        assert!(PublicKey::read(&cose(&whole)).is_some());
        for at in 0..whole.len() {
            let mut less = whole.to_vec();
            less.remove(at);
            assert_eq!(PublicKey::read(&cose(&less)), None, "{less:?}");
        }
        for other in [(1, 4.into()), (3, (-47).into()), (-1, 7.into()), (-2, Value::Bytes(vec![1; 31]))] {
            let changed = whole.clone().map(|member| if member.0 == other.0 { other.clone() } else { member });
            assert_eq!(PublicKey::read(&cose(&changed)), None, "{changed:?}");
        }
        assert_eq!(PublicKey::read(b"\xa0"), None);
        assert_eq!(PublicKey::read(b"no cbor"), None);
    }
}
