//! An authenticator in software: it answers as the browser and a key do (Web Authentication §6.3), and, where a test says
//! so, otherwise.

use crate::support::{PUBLIC_URL, text};
use auth::opaque::sha256;
use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ciborium::Value as Cbor;
use serde_json::{Value, json};

const PRESENT: u8 = 0x01;
const VERIFIED: u8 = 0x04;
const ELIGIBLE: u8 = 0x08;
const CREDENTIAL: u8 = 0x40;

/// It has one key.
pub struct SecurityKey {
    pair: EcdsaKeyPair,
    pub id: Vec<u8>,
    owner: Option<String>,
    pub count: u32,
}

/// How it answers.
#[derive(Clone)]
pub struct Manner {
    pub origin: String,
    pub kind: Option<&'static str>,
    pub rp_id: Option<&'static str>,
    pub challenge: Option<String>,
    pub present: bool,
    pub verified: bool,
    pub synced: bool,
    pub counts: bool,
    pub names_owner: bool,
}

/// As it should: somebody is there and is its owner.
pub fn properly() -> Manner {
    Manner {
        origin: PUBLIC_URL.into(),
        kind: None,
        rp_id: None,
        challenge: None,
        present: true,
        verified: true,
        synced: false,
        counts: true,
        names_owner: true,
    }
}

impl SecurityKey {
    pub fn new() -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
        let id = sha256(&[pair.public_key().as_ref()]).to_vec();
        Self { pair, id, owner: None, count: 0 }
    }

    /// `navigator.credentials.create`.
    pub fn create(&mut self, options: &Value, manner: &Manner) -> Value {
        self.owner = Some(text(&options["user"], "id").to_owned());
        let point = self.pair.public_key().as_ref();
        let key: Vec<(Cbor, Cbor)> = vec![
            (1.into(), 2.into()),
            (3.into(), (-7).into()),
            ((-1).into(), 1.into()),
            ((-2).into(), Cbor::Bytes(point[1..33].to_vec())),
            ((-3).into(), Cbor::Bytes(point[33..].to_vec())),
        ];
        let length = u16::try_from(self.id.len()).unwrap().to_be_bytes();
        let credential = [&[0; 16][..], &length, &self.id, &encode(&Cbor::Map(key))].concat();
        let data = self.data(text(&options["rp"], "id"), CREDENTIAL, &credential, manner);
        let object = Cbor::Map(vec![
            ("fmt".into(), "none".into()),
            ("attStmt".into(), Cbor::Map(Vec::new())),
            ("authData".into(), Cbor::Bytes(data)),
        ]);
        let response = json!({"clientDataJSON": base64(&client_data("webauthn.create", options, manner)),
            "attestationObject": base64(&encode(&object))});
        // What else a browser says is not read; the test with a real one sends it.
        json!({"response": response})
    }

    /// `navigator.credentials.get`.
    pub fn get(&mut self, options: &Value, manner: &Manner) -> Value {
        self.count += u32::from(manner.counts);
        let client_data = client_data("webauthn.get", options, manner);
        let data = self.data(text(options, "rpId"), 0, &[], manner);
        let signed = [&data[..], &sha256(&[&client_data])].concat();
        let signature = self.pair.sign(&SystemRandom::new(), &signed).unwrap();
        let mut response = json!({"clientDataJSON": base64(&client_data), "authenticatorData": base64(&data),
            "signature": base64(signature.as_ref())});
        if let Some(owner) = self.owner.as_ref().filter(|_| manner.names_owner) {
            response["userHandle"] = json!(owner);
        }
        json!({"rawId": base64(&self.id), "response": response})
    }

    fn data(&self, rp_id: &str, more: u8, credential: &[u8], manner: &Manner) -> Vec<u8> {
        let flag = |set: bool, flag: u8| if set { flag } else { 0 };
        let flags =
            flag(manner.present, PRESENT) | flag(manner.verified, VERIFIED) | flag(manner.synced, ELIGIBLE) | more;
        let rp_id = manner.rp_id.unwrap_or(rp_id);
        [&sha256(&[rp_id.as_bytes()])[..], &[flags], &self.count.to_be_bytes(), credential].concat()
    }
}

fn client_data(kind: &str, options: &Value, manner: &Manner) -> Vec<u8> {
    let challenge = manner.challenge.as_deref().unwrap_or_else(|| text(options, "challenge"));
    let kind = manner.kind.unwrap_or(kind);
    serde_json::to_vec(&json!({"type": kind, "challenge": challenge, "origin": manner.origin, "crossOrigin": false}))
        .unwrap()
}

fn encode(value: &Cbor) -> Vec<u8> {
    let mut bytes = Vec::new();
    ciborium::into_writer(value, &mut bytes).unwrap();
    bytes
}

fn base64(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
