//! Source of a request: the network address that it comes from, as limits count it.
//!
//! A proxy of ours adds the address that it was called from at the right of `X-Forwarded-For`; what stands left of what
//! our proxies added was written by the caller, who may write anything. So as many addresses are counted from the right
//! as there are proxies.

use crate::problem::Problem;
use axum::{
    extract::{ConnectInfo, FromRef, FromRequestParts},
    http::{HeaderMap, request::Parts},
};
use std::{
    fmt,
    net::{IpAddr, Ipv6Addr, SocketAddr},
    str::FromStr,
};

const FORWARDED_FOR: &str = "x-forwarded-for";
/// More proxies in a row than anybody has.
const MOST_PROXIES: u8 = 8;
/// One customer of an Internet provider has at least this many bits of IPv6 for themselves (RFC 6177), and may use any
/// address in them.
const NETWORK_BITS: u32 = 64;

/// How many proxies of ours a request passes on its way to us (`TRUSTED_PROXIES`): a load balancer is one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies(u8);

#[derive(Debug, PartialEq, thiserror::Error)]
#[error("must be a number of proxies, 0 to {MOST_PROXIES}")]
pub struct NotANumberOfProxies;

impl FromStr for TrustedProxies {
    type Err = NotANumberOfProxies;
    fn from_str(text: &str) -> Result<Self, NotANumberOfProxies> {
        text.parse().ok().filter(|number| *number <= MOST_PROXIES).map(Self).ok_or(NotANumberOfProxies)
    }
}

/// An IPv4 address, or the /64 of an IPv6 address.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Source(IpAddr);

impl Source {
    /// Of a request that `peer` sent with `headers`.
    pub fn new(peer: IpAddr, headers: &HeaderMap, proxies: TrustedProxies) -> Self {
        address(peer, headers, proxies).into()
    }
}

/// The address that a request comes from which `peer` sent with `headers`.
pub fn address(peer: IpAddr, headers: &HeaderMap, TrustedProxies(proxies): TrustedProxies) -> IpAddr {
    let lines = headers.get_all(FORWARDED_FOR).iter().rev().filter_map(|line| line.to_str().ok());
    let from_the_right = lines.flat_map(|line| line.rsplit(',')).take(proxies.into());
    // A request that passed fewer proxies came from where the outermost of them says.
    from_the_right.last().and_then(hop).unwrap_or(peer).to_canonical()
}

/// Some proxies write the port as well.
fn hop(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    text.parse().ok().or_else(|| text.parse().ok().map(|address: SocketAddr| address.ip()))
}

impl From<IpAddr> for Source {
    fn from(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(address) => {
                IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << (128 - NETWORK_BITS))))
            }
            v4 => v4,
        })
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            IpAddr::V4(address) => write!(f, "{address}"),
            IpAddr::V6(network) => write!(f, "{network}/{NETWORK_BITS}"),
        }
    }
}

/// An address of a person never gets into a log by accident.
impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Source(…)")
    }
}

impl From<Source> for IpAddr {
    fn from(source: Source) -> Self {
        source.0
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the listener does not say who called")]
struct NoPeer;

impl<S: Send + Sync> FromRequestParts<S> for Source
where
    TrustedProxies: FromRef<S>,
{
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Some(ConnectInfo(peer)) = parts.extensions.get::<ConnectInfo<SocketAddr>>() else {
            return Err(Problem::internal(&NoPeer));
        };
        Ok(Self::new(peer.ip(), &parts.headers, TrustedProxies::from_ref(state)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn source(proxies: u8, forwarded: &[&'static str]) -> String {
        let headers: HeaderMap = forwarded
            .iter()
            .map(|line| (axum::http::HeaderName::from_static(FORWARDED_FOR), HeaderValue::from_static(line)))
            .collect();
        Source::new([127, 0, 0, 1].into(), &headers, TrustedProxies(proxies)).to_string()
    }

    #[test]
    fn only_what_our_proxies_wrote_counts() {
        for (proxies, forwarded, expected) in [
            (0, &[][..], "127.0.0.1"),
            (0, &["203.0.113.7"], "127.0.0.1"),
            (1, &["198.51.100.9, 203.0.113.7"], "203.0.113.7"),
            (1, &["198.51.100.9", "203.0.113.7"], "203.0.113.7"),
            (2, &["6.6.6.6,198.51.100.9 ,203.0.113.7"], "198.51.100.9"),
            (2, &["203.0.113.7"], "203.0.113.7"),
            (1, &[], "127.0.0.1"),
            (1, &["203.0.113.7, unknown"], "127.0.0.1"),
            (1, &["203.0.113.7:51234"], "203.0.113.7"),
            (1, &["[2001:db8:1:2:3:4:5:6]:443"], "2001:db8:1:2::/64"),
            (1, &["::ffff:203.0.113.7"], "203.0.113.7"),
        ] {
            assert_eq!(source(proxies, forwarded), expected, "{proxies} {forwarded:?}");
        }
    }

    #[test]
    fn a_customer_of_ipv6_is_one_source() {
        let source = |text: &str| Source::from(text.parse::<IpAddr>().unwrap());
        let [a, b, c] = ["2001:db8:1:2::1", "2001:db8:1:2:ffff::2", "2001:db8:1:3::1"].map(source);
        assert!(a == b && a != c);
        assert_eq!(Source::from(IpAddr::from(a)), a);
        assert_eq!(format!("{a:?}"), "Source(…)");
        for text in ["-1", "9", "one"] {
            assert_eq!(text.parse::<TrustedProxies>(), Err(NotANumberOfProxies));
        }
    }
}
