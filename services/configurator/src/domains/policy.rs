//! Policy of host names: may a tenant have this one, and must it prove it?

use super::{challenge, reserved::is_reserved};
use crate::instances::host_name::HostName;
use std::sync::Arc;

/// What is needed before an instance may live on a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Whoever asks first has it.
    FirstCome,
    /// Whoever proves that the domain is theirs has it.
    ToBeProved,
}

/// Why nobody gets a host, for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("is the platform's own")]
    Platform,
    #[error("is a name that nobody gets under this domain")]
    Reserved,
    #[error("must have exactly one label before the product's domain, such as acme.forum.example.com")]
    OneLabel,
    #[error("may have no encoded letters (xn--…) under the product's domain, as they can be taken for others")]
    Encoded,
    #[error("must be shorter, to leave room for the name of the record that proves it")]
    TooLong,
}

/// The platform's domains; cheap to clone.
#[derive(Clone, Debug)]
pub struct Domains(Arc<Lists>);

#[derive(Debug)]
struct Lists {
    /// Hosts right below one of these are tenants' for the asking.
    product: Vec<HostName>,
    /// This and all below it is nobody's, unless it lies under a product domain.
    platform: String,
}

impl Domains {
    /// Reads a comma-separated list and one domain; each fault completes a sentence that begins with the setting's
    /// name.
    pub fn parse(product: &str, platform: &str) -> Result<Self, String> {
        let product: Result<Vec<HostName>, _> =
            product.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::parse).collect();
        let product = product.map_err(|fault| format!("PRODUCT_DOMAINS {fault}"))?;
        // It may be a single label, which no host is.
        let below: HostName = format!("x.{platform}")
            .parse()
            .map_err(|_| "PLATFORM_DOMAIN must be a domain such as example.com".to_owned())?;
        let platform = below.as_str().split_once('.').map(|(_, rest)| rest.to_owned()).unwrap_or_default();
        Ok(Self(Arc::new(Lists { product, platform })))
    }

    pub fn standing(&self, host: &HostName) -> Result<Standing, Refused> {
        let Lists { product, platform } = &*self.0;
        if product.contains(host) {
            return Err(Refused::Reserved);
        }
        // Of two product domains, one below the other, the longer one counts.
        if let Some(label) =
            product.iter().filter_map(|domain| below(host, domain.as_str())).min_by_key(|label| label.len())
        {
            return check_label(label).map(|()| Standing::FirstCome);
        }
        if host.as_str() == platform || below(host, platform).is_some() {
            return Err(Refused::Platform);
        }
        if host.as_str().len() > challenge::LONGEST_HOST { Err(Refused::TooLong) } else { Ok(Standing::ToBeProved) }
    }
}

/// What stands before `domain`; `None` if the host is not below it.
fn below<'a>(host: &'a HostName, domain: &str) -> Option<&'a str> {
    host.as_str().strip_suffix(domain)?.strip_suffix('.')
}

fn check_label(label: &str) -> Result<(), Refused> {
    if label.contains('.') {
        return Err(Refused::OneLabel);
    }
    // RFC 5890 §2.3.1 keeps all labels with hyphens in the third and fourth place for encodings.
    if label.get(2..4) == Some("--") {
        return Err(Refused::Encoded);
    }
    if is_reserved(label) { Err(Refused::Reserved) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(host: &str) -> Result<Standing, Refused> {
        let domains =
            Domains::parse("forum.example.com, eu.forum.example.com,wiki.example.net", "example.com").unwrap();
        domains.standing(&host.parse().unwrap())
    }

    #[test]
    fn whose_a_host_is() {
        let long = format!("{}.{}.de", vec!["a".repeat(60); 3].join("."), "b".repeat(50));
        for (expected, hosts) in [
            (
                Ok(Standing::FirstCome),
                "acme.forum.example.com acme.eu.forum.example.com acme.wiki.example.net 3com.forum.example.com",
            ),
            (Err(Refused::Reserved), "forum.example.com eu.forum.example.com www.forum.example.com"),
            (Err(Refused::OneLabel), "a.acme.forum.example.com"),
            (Err(Refused::Encoded), "xn--mnchen-3ya.forum.example.com ab--c.forum.example.com"),
            (Err(Refused::Platform), "example.com auth.example.com a.auth.example.com xforum.example.com"),
            (
                Ok(Standing::ToBeProved),
                "notexample.com example.com.evil.test example.net forum.example.org xn--mnchen-3ya.de \
                 xwiki.example.net",
            ),
            (Err(Refused::TooLong), &long),
        ] {
            for host in hosts.split(' ') {
                assert_eq!(standing(host), expected, "{host}");
            }
        }
    }

    #[test]
    fn settings_that_are_no_domains_are_refused() {
        assert!(Domains::parse("forum.localhost", "localhost").is_ok());
        for (product, platform) in
            [("forum", "example.com"), ("a_b.c", "example.com"), ("a.b", ""), ("a.b", "10.0.0.1"), ("a.b", "http://x")]
        {
            assert!(Domains::parse(product, platform).is_err(), "{product} {platform}");
        }
    }
}
