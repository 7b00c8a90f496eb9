//! Audiences: for whom is an access token (RFC 8707)? The platform, or one product, which can use it nowhere else.

use crate::clients::PlatformClients;
use access::token::product_audience;
use common::config::Base;
use contracts::roster;
use std::sync::Arc;

/// The audiences that tokens are issued for; cheap to clone.
#[derive(Clone)]
pub struct Audiences(Arc<Inner>);

struct Inner {
    issuer: String,
    platform: String,
    products: Vec<String>,
}

impl Audiences {
    /// Every platform client that is none of the platform's own services is a product.
    pub fn new(base: &Base, clients: &PlatformClients) -> Self {
        let products = clients.names().filter(|name| !roster::NAMES.contains(name)).map(str::to_owned).collect();
        Self::of(&base.token_issuer, &base.token_audience, products)
    }

    fn of(issuer: &str, platform: &str, products: Vec<String>) -> Self {
        Self(Arc::new(Inner { issuer: issuer.to_owned(), platform: platform.to_owned(), products }))
    }

    pub fn platform(&self) -> &str {
        &self.0.platform
    }

    /// The audience that `resource` (RFC 8707 §2) names: the issuer's URL for the platform, as if nothing was named, or
    /// a product's. `None` if there is no such resource.
    pub fn of_resource(&self, resource: Option<&str>) -> Option<String> {
        match resource {
            None => Some(self.0.platform.clone()),
            Some(resource) if resource == self.0.issuer => Some(self.0.platform.clone()),
            Some(resource) => {
                self.0.products.iter().map(|name| product_audience(&self.0.issuer, name)).find(|own| own == resource)
            }
        }
    }

    /// Whether a platform client is a product.
    pub fn is_product(&self, client: &str) -> bool {
        self.0.products.iter().any(|name| name == client)
    }

    /// The audience of what `client` is handed: its own if it is a product, else the platform's.
    pub fn of_client(&self, client: &str) -> String {
        let product = self.0.products.iter().find(|name| *name == client);
        product.map_or_else(|| self.0.platform.clone(), |name| product_audience(&self.0.issuer, name))
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// Of an issuer with one product.
    pub fn with_forum() -> Audiences {
        Audiences::of("https://auth.test", "sevenleague", vec!["forum".into()])
    }

    /// RFC 8707 §2.
    #[test]
    fn a_resource_is_the_platform_or_a_product_by_its_whole_name() {
        let audiences = with_forum();
        assert_eq!(audiences.of_resource(None).as_deref(), Some("sevenleague"));
        assert_eq!(audiences.of_resource(Some("https://auth.test")).as_deref(), Some("sevenleague"));
        let forum = "https://auth.test/products/forum";
        assert_eq!(audiences.of_resource(Some(forum)).as_deref(), Some(forum));
        for other in ["", "forum", "sevenleague", "https://auth.test/products/", "https://auth.test/products/billing"] {
            assert_eq!(audiences.of_resource(Some(other)), None, "{other}");
        }
        assert_eq!(
            (audiences.of_client("forum").as_str(), audiences.of_client("worker").as_str()),
            (forum, "sevenleague")
        );
    }
}
