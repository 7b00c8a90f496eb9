//! The people of the tour, under names that nobody has used on this stack before.

use rand::Rng;

/// Letters that tell one tour's names from another's: one in 300 million is met by chance.
const TAG: usize = 6;

/// Somebody with a tenant of their own, and its forum's host.
pub struct Owner {
    pub name: &'static str,
    pub email: String,
    pub password: &'static str,
    pub tenant: String,
    pub host: String,
}

pub struct People {
    pub ada: Owner,
    /// Of another tenant.
    pub grace: Owner,
    /// Of one more, who has much to read.
    pub heidi: Owner,
    /// Of a third one, who wants what is Ada's.
    pub mallory: Owner,
    /// Of a fourth one, who has an authenticator app.
    pub judy: Owner,
    /// Whom Ada invites.
    pub bob_email: String,
    pub bob_password: &'static str,
    /// Where Ada's second forum is made, while a worker dies.
    pub crash_host: String,
    pub bouncing: String,
    /// Whom Ada invites in vain.
    pub unreachable: String,
    pub complaining: String,
    /// Differs from tour to tour.
    pub tag: String,
}

impl People {
    pub fn of_a_tour() -> Self {
        Self::tagged(&tag())
    }

    fn tagged(tag: &str) -> Self {
        let owner = |name, password, tenant: &str| {
            let domain = format!("{}-{tag}", tenant.to_lowercase());
            let email = format!("{}@{domain}.test", str::to_lowercase(name));
            Owner {
                name,
                email,
                password,
                tenant: format!("{tenant} {tag}"),
                host: format!("{domain}.forum.localhost"),
            }
        };
        Self {
            ada: owner("Ada", "nine lanterns over the harbour", "Acme"),
            grace: owner("Grace", "seven kites above the lighthouse", "Globex"),
            heidi: owner("Heidi", "four ladders against the silo", "Umbrella"),
            mallory: owner("Mallory", "five drawbridges before breakfast", "Initech"),
            judy: owner("Judy", "two keys to every cupboard", "Hooli"),
            bob_email: format!("bob@acme-{tag}.test"),
            bob_password: "eleven geese along the towpath",
            crash_host: format!("acme-crash-{tag}.forum.localhost"),
            bouncing: format!("bounce+{tag}@simulator.amazonses.com"),
            unreachable: format!("bounce+{tag}-invited@simulator.amazonses.com"),
            complaining: format!("complaint+{tag}@simulator.amazonses.com"),
            tag: tag.to_owned(),
        }
    }
}

fn tag() -> String {
    let mut rng = rand::rng();
    (0..TAG).map(|_| char::from(rng.random_range(b'a'..=b'z'))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// Whoever tried the examples of the documents by hand has used the names without a tag.
    #[test]
    fn everything_that_can_be_taken_has_the_tag_which_no_two_tours_share() {
        let tags: BTreeSet<_> = (0..100).map(|_| People::of_a_tour().tag).collect();
        assert_eq!(tags.len(), 100);
        let people = People::tagged("kettle");
        let People { ada, grace, heidi, mallory, judy, bob_email, .. } = &people;
        let People { crash_host, bouncing, unreachable, complaining, .. } = &people;
        let owned =
            [ada, grace, heidi, mallory, judy].into_iter().flat_map(|owner| [&owner.email, &owner.tenant, &owner.host]);
        for name in owned.chain([bob_email, crash_host, bouncing, unreachable, complaining]) {
            assert!(name.contains("kettle"), "{name}");
        }
        assert_eq!((&*ada.email, &*ada.host), ("ada@acme-kettle.test", "acme-kettle.forum.localhost"));
    }
}
