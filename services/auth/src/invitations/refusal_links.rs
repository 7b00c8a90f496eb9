//! Links to refuse invitations. Each says whose and to whom the invitation was, and never expires.
//!
//! Only we can make such a link, and it opens nothing else, so nothing needs to be stored for it.

use crate::opaque::sha256;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use common::{ambient::Ambient, sealing::Sealer};
use contracts::id::TenantId;
use uuid::Uuid;

/// What else is sealed under the same key opens nothing here.
const CONTEXT: &[u8] = b"invitation refusal";

/// Makes and reads the links.
#[derive(Clone)]
pub struct RefusalLinks(Sealer);

/// Whose invitations to whom.
pub struct Whose {
    pub tenant: TenantId,
    pub email: String,
}

impl Whose {
    /// Stands for the address where it must not be seen.
    pub fn fingerprint(&self) -> String {
        hex::encode(sha256(&[self.email.as_bytes()]))
    }
}

impl RefusalLinks {
    pub fn new(sealer: Sealer) -> Self {
        Self(sealer)
    }

    pub fn make(&self, ambient: &Ambient, tenant: TenantId, email: &str) -> String {
        let plain = [tenant.0.as_bytes(), email.as_bytes()].concat();
        URL_SAFE_NO_PAD.encode(self.0.seal(ambient, CONTEXT, &plain))
    }

    /// `None` for what is no such link of ours.
    pub fn read(&self, link: &str) -> Option<Whose> {
        let plain = self.0.open(CONTEXT, &URL_SAFE_NO_PAD.decode(link).ok()?).ok()?;
        let (tenant, email) = plain.split_at_checked(size_of::<Uuid>())?;
        Some(Whose { tenant: TenantId(Uuid::from_slice(tenant).ok()?), email: String::from_utf8(email.to_vec()).ok()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The mailer sends no invitation whose link to refuse cannot stand in a header.
    #[test]
    fn the_link_to_the_longest_address_is_short_enough_for_a_header() {
        let (ambient, links) = (Ambient::system(), RefusalLinks::new(Sealer::new(&[7; 32])));
        let longest = format!("{}@{}.test", "x".repeat(64), "y.".repeat(91) + "yy");
        assert_eq!(longest.len(), 254);
        let link = format!(
            "https://{}.test/v1/invitation-refusals/{}",
            "a".repeat(63),
            links.make(&ambient, TenantId(ambient.uuid()), &longest)
        );
        assert!(link.parse::<contracts::public_url::PublicUrl>().is_ok(), "{} characters", link.len());
    }

    #[test]
    fn only_our_links_are_read() {
        let (ambient, links) = (Ambient::system(), RefusalLinks::new(Sealer::new(&[7; 32])));
        let tenant = TenantId(ambient.uuid());
        let link = links.make(&ambient, tenant, "bob@acme.test");
        let whose = links.read(&link).unwrap();
        assert_eq!((whose.tenant, whose.email.as_str()), (tenant, "bob@acme.test"));
        let others = RefusalLinks::new(Sealer::new(&[8; 32]));
        assert!(others.read(&link).is_none() && links.read(&link[1..]).is_none() && links.read("").is_none());
    }
}
