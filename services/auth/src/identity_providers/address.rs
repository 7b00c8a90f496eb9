//! Addresses that a tenant has us call (OWASP, Server-Side Request Forgery Prevention): names of public hosts over TLS,
//! and nothing that is only reached from where we are.

use reqwest::Url;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A provider's address is shorter; ours stand in cookies and rows.
const LONGEST: usize = 500;

/// Which hosts may be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    Public,
    /// This machine as well, and there without TLS: where auth itself is reached that way.
    Loopback,
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be an https URL of a public host by its name, without user, query or fragment, of at most {LONGEST} characters"
)]
pub struct NotAnAddress;

impl Reach {
    /// Of an installation whose own address is `public_url`: providers on this machine are for developers.
    pub fn of(public_url: &str) -> Self {
        match Url::parse(public_url) {
            Ok(url) if url.scheme() == "http" => Self::Loopback,
            _ => Self::Public,
        }
    }

    /// Reads an issuer (OpenID Connect Discovery §3): it has no query.
    pub fn issuer(self, text: &str) -> Result<Url, NotAnAddress> {
        self.endpoint(text).ok().filter(|url| url.query().is_none()).ok_or(NotAnAddress)
    }

    /// Reads an endpoint, which may have a query (RFC 6749 §3.1).
    pub fn endpoint(self, text: &str) -> Result<Url, NotAnAddress> {
        let url = Url::parse(text).map_err(|_| NotAnAddress)?;
        let named = url.host_str().is_some_and(|host| match self {
            Self::Loopback if is_this_machine(host) => true,
            _ => url.scheme() == "https" && is_name(host),
        });
        let plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
        // What only a lenient reader takes for this host may be another one to somebody else.
        let as_written = text.starts_with(&format!("{}://{}", url.scheme(), url.host_str().unwrap_or_default()));
        let schemes = ["http", "https"].contains(&url.scheme());
        let sound = text.len() <= LONGEST && text.bytes().all(may_stand_in_a_url);
        if named && plain && as_written && schemes && sound { Ok(url) } else { Err(NotAnAddress) }
    }

    /// Whether something at this address may be called.
    pub fn reaches(self, address: IpAddr) -> bool {
        is_public(address) || self == Self::Loopback && address.is_loopback()
    }
}

/// A name with a dot, not an address in any spelling: the parser has made each of those one of digits and dots, or of
/// brackets.
fn is_name(host: &str) -> bool {
    let top = host.trim_end_matches('.').rsplit('.').next().unwrap_or_default();
    host.contains('.') && top.bytes().any(|byte| byte.is_ascii_alphabetic()) && !host.starts_with('[')
}

/// Unreserved, reserved, or part of an escape (RFC 3986 §2).
fn may_stand_in_a_url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&byte)
}

fn is_this_machine(host: &str) -> bool {
    host == "localhost" || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

/// All but what IANA has set apart (RFC 6890 and its registry).
fn is_public_v4(address: Ipv4Addr) -> bool {
    let [first, second, third, _] = address.octets();
    let set_apart = match (first, second, third) {
        // This network; private; shared by carriers; this machine; link-local, where clouds keep their metadata.
        (0 | 10 | 127, ..) | (100, 64..=127, _) | (169, 254, _) | (172, 16..=31, _) | (192, 168, _) => true,
        // Protocols, documentation, relays to IPv6, benchmarks.
        (192, 0, 0 | 2) | (192, 88, 99) | (198, 18 | 19, _) | (198, 51, 100) | (203, 0, 113) => true,
        // Groups, and what is reserved.
        (224.., ..) => true,
        _ => false,
    };
    !set_apart
}

/// Global unicast (RFC 4291 §2.4), less what carries or documents something else. That leaves out mapped addresses of
/// IPv4, those behind NAT64, unique local and link-local ones.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    match first {
        // Protocols, Teredo and documentation; 6to4; documentation.
        0x2001 => second >= 0x0200 && second != 0x0db8,
        0x2002 | 0x3fff => false,
        _ => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn providers_have_public_names() {
        for address in [
            "https://login.example.com",
            "https://login.example.com/",
            "https://login.example.com:8443/tenant/v2.0",
            "https://xn--bcher-kva.example/realms/acme",
        ] {
            assert!(Reach::Public.issuer(address).is_ok(), "{address}");
        }
        assert!(Reach::Public.endpoint("https://login.example.com/authorize?p=policy").is_ok());
    }

    #[test]
    fn nothing_else_is_called() {
        let long = format!("https://login.example.com/{}", "x".repeat(LONGEST));
        for address in [
            "",
            "login.example.com",
            "http://login.example.com",
            "ftp://login.example.com",
            "file:///etc/passwd",
            "https://user@login.example.com",
            "https://user:secret@login.example.com",
            "https://login.example.com/#x",
            "https://login.example.com/?x",
            "https://login.example.com\\@evil.test/",
            "https:login.example.com",
            "https:///login.example.com",
            "HTTPS://login.example.com",
            "https://login.EXAMPLE.com",
            " https://login.example.com",
            "https://login.example.com/ü",
            "https://localhost",
            "https://auth",
            "https://127.0.0.1",
            "https://127.1",
            "https://2130706433",
            "https://0x7f.0.0.1",
            "https://017700000001",
            "https://169.254.169.254/latest/meta-data/",
            "https://1.1.1.1",
            "https://[::1]",
            "https://[::ffff:127.0.0.1]",
            "https://[2606:4700::1111]",
            "http://localhost:8001",
            &long,
        ] {
            assert_eq!(Reach::Public.issuer(address), Err(NotAnAddress), "{address}");
        }
    }

    #[test]
    fn a_developers_machine_reaches_itself_and_nothing_private() {
        for address in
            ["http://127.0.0.1:8001", "http://localhost:8001", "http://[::1]:8001", "https://login.example.com"]
        {
            assert!(Reach::Loopback.issuer(address).is_ok(), "{address}");
        }
        for address in ["http://10.0.0.1", "https://10.0.0.1", "http://login.example.com", "ftp://localhost"] {
            assert!(Reach::Loopback.issuer(address).is_err(), "{address}");
        }
        assert_eq!(Reach::of("http://localhost:8001"), Reach::Loopback);
        assert_eq!(Reach::of("https://auth.example.com"), Reach::Public);
    }

    #[test]
    fn addresses_that_are_set_apart_are_not_reached() {
        for address in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:8.8.8.8",
            "::8.8.8.8",
            "64:ff9b::808:808",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "3fff::1",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!Reach::Public.reaches(address.parse().unwrap()), "{address}");
        }
        for address in ["1.1.1.1", "172.32.0.1", "100.128.0.1", "192.1.2.3", "2606:4700::1111", "2a00:1450::1"] {
            assert!(Reach::Public.reaches(address.parse().unwrap()), "{address}");
        }
        assert!(Reach::Loopback.reaches("127.0.0.1".parse().unwrap()));
        assert!(!Reach::Loopback.reaches("10.0.0.1".parse().unwrap()));
    }
}
