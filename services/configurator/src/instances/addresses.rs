//! Addresses of instances: where does a browser find the one on a host?

use std::{collections::BTreeMap, str::FromStr, sync::Arc};

const HOST: &str = "{host}";

/// How the address of an instance is made of its host, by product; `https://<host>/` unless it is said.
#[derive(Clone, Debug, Default)]
pub struct Addresses(Arc<BTreeMap<String, String>>);

#[derive(Debug, thiserror::Error)]
#[error("must be products with the address of their instances, comma-separated: forum=http://{{host}}:8010/")]
pub struct NotAddresses;

impl Addresses {
    /// Where the instance of `product` on `host` is, with a `/` at its end.
    pub fn of(&self, product: &str, host: &str) -> String {
        self.0.get(product).map_or("https://{host}/", String::as_str).replace(HOST, host)
    }
}

impl FromStr for Addresses {
    type Err = NotAddresses;

    fn from_str(text: &str) -> Result<Self, NotAddresses> {
        let address = |entry: &str| {
            let (product, address) = entry.split_once('=')?;
            let sound = ["http://{host}", "https://{host}"].iter().any(|begin| address.starts_with(begin));
            (sound && address.ends_with('/')).then(|| (product.trim().to_owned(), address.to_owned()))
        };
        let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty()).map(address);
        entries.collect::<Option<_>>().map(|entries| Self(Arc::new(entries))).ok_or(NotAddresses)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_is_at_its_host_unless_its_product_is_elsewhere() {
        let addresses: Addresses = "forum=http://{host}:8010/, wiki=https://{host}/w/".parse().unwrap();
        assert_eq!(addresses.of("forum", "acme.forum.localhost"), "http://acme.forum.localhost:8010/");
        assert_eq!(addresses.of("notes", "acme.example.com"), "https://acme.example.com/");
        for wrong in
            ["forum", "forum=acme", "forum=ftp://{host}/", "forum=http://{host}:8010", "forum=https://x/{host}/"]
        {
            assert!(wrong.parse::<Addresses>().is_err(), "{wrong}");
        }
    }
}
