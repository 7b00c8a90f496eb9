//! Device cookies (OWASP, "Slow Down Online Guessing Attacks with Device Cookies"): has somebody logged in to this
//! account on this device before?
//!
//! The cookie is sealed under auth's key for one account, so nothing is stored for it, and nobody makes one who has not
//! logged in.

use crate::cookies;
use axum::{
    extract::{FromRef, FromRequestParts},
    http::{HeaderName, header, request::Parts},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use common::{
    ambient::Ambient,
    problem::Problem,
    sealing::Sealer,
    source::{Source, TrustedProxies},
};

const COOKIE: &str = "device";
/// A device on which nobody has logged in for so long is known no more.
const KNOWN_FOR: TimeDelta = TimeDelta::days(365);
/// Longer than any cookie of ours.
const LONGEST_COOKIE: usize = 256;
const ID_LEN: usize = 16;
/// What else is sealed under the same key opens nothing here.
const CONTEXT: &[u8] = b"device of an account ";

/// Who tries something: from which network, and on which device.
pub struct Visitor {
    pub source: Source,
    /// As it was sent, and not looked at yet.
    cookie: Option<String>,
}

/// A device on which somebody has logged in to an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Device([u8; ID_LEN]);

/// Makes and reads the cookies.
#[derive(Clone)]
pub struct DeviceCookies {
    sealer: Sealer,
    ambient: Ambient,
    /// Sent back over TLS only.
    secure: bool,
}

impl Device {
    pub fn id(self) -> String {
        hex::encode(self.0)
    }
}

impl DeviceCookies {
    pub fn new(sealer: Sealer, ambient: Ambient, public_url: &str) -> Self {
        Self { sealer, ambient, secure: public_url.starts_with("https:") }
    }

    /// The device, if it is one of the account.
    pub fn read(&self, visitor: &Visitor, account: &str) -> Option<Device> {
        let sealed = URL_SAFE_NO_PAD.decode(visitor.cookie.as_deref()?).ok()?;
        let plain = self.sealer.open(&context(account), &sealed).ok()?;
        let (id, since) = plain.split_first_chunk()?;
        let since = DateTime::<Utc>::from_timestamp(i64::from_be_bytes(since.try_into().ok()?), 0)?;
        (since + KNOWN_FOR > self.ambient.now()).then_some(Device(*id))
    }

    /// The header by which the visitor's device is known to the account from now on. Scripts cannot read it, and other
    /// sites cannot send it with a POST (RFC 6265).
    pub fn remember(&self, visitor: &Visitor, account: &str) -> (HeaderName, String) {
        let Device(id) = self.read(visitor, account).unwrap_or_else(|| Device(self.ambient.bytes()));
        let plain = [&id[..], &self.ambient.now().timestamp().to_be_bytes()].concat();
        let sealed = URL_SAFE_NO_PAD.encode(self.sealer.seal(&self.ambient, &context(account), &plain));
        let (age, secure) = (KNOWN_FOR.num_seconds(), if self.secure { "; Secure" } else { "" });
        (header::SET_COOKIE, format!("{COOKIE}={sealed}; Path=/; Max-Age={age}; HttpOnly; SameSite=Lax{secure}"))
    }
}

fn context(account: &str) -> Vec<u8> {
    [CONTEXT, account.as_bytes()].concat()
}

impl<S: Send + Sync> FromRequestParts<S> for Visitor
where
    TrustedProxies: FromRef<S>,
{
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let source = Source::from_request_parts(parts, state).await?;
        let cookie = cookies::find(&parts.headers, COOKIE).filter(|value| value.len() <= LONGEST_COOKIE);
        Ok(Self { source, cookie: cookie.map(str::to_owned) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{IpAddr, Ipv4Addr};

    fn visitor(cookie: Option<&str>) -> Visitor {
        let value = cookie.and_then(|header| header.split(['=', ';']).nth(1)).map(str::to_owned);
        Visitor { source: IpAddr::V4(Ipv4Addr::LOCALHOST).into(), cookie: value }
    }

    #[test]
    fn a_device_is_known_to_its_account_for_a_year() {
        let ambient = Ambient::test(DateTime::from_timestamp(1_800_000_000, 0).unwrap());
        let cookies = DeviceCookies::new(Sealer::new(&[7; 32]), ambient.clone(), "https://auth.test");
        let (_, set) = cookies.remember(&visitor(None), "ada");
        assert!(set.ends_with("; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax; Secure"), "{set}");
        let device = cookies.read(&visitor(Some(&set)), "ada").unwrap();
        assert_eq!(cookies.read(&visitor(Some(&set)), "bob"), None);
        assert_eq!(cookies.read(&visitor(Some("device=AAAA;")), "ada"), None);
        assert_eq!(
            DeviceCookies::new(Sealer::new(&[8; 32]), ambient.clone(), "").read(&visitor(Some(&set)), "ada"),
            None
        );
        ambient.advance(TimeDelta::days(364));
        let (_, renewed) = cookies.remember(&visitor(Some(&set)), "ada");
        ambient.advance(TimeDelta::days(1));
        assert_eq!(cookies.read(&visitor(Some(&set)), "ada"), None);
        assert_eq!(cookies.read(&visitor(Some(&renewed)), "ada"), Some(device), "it stays the same device");
    }
}
