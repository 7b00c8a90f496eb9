//! Who plays? In the first tour of a stack exactly those of the story, later others of the like.

/// Somebody with a tenant of their own, and its forum's host.
pub struct Owner {
    pub name: &'static str,
    pub email: String,
    pub password: &'static str,
    pub tenant: String,
    pub host: String,
}

pub struct Cast {
    pub ada: Owner,
    /// Of another tenant.
    pub grace: Owner,
    /// Of a third one, who wants what is Ada's.
    pub mallory: Owner,
    /// Whom Ada invites.
    pub bob_email: String,
    pub bob_password: &'static str,
    /// Where Ada's second forum is made, while a worker dies.
    pub crash_host: String,
    pub bouncing: String,
    pub complaining: String,
    /// Differs from tour to tour.
    pub tag: String,
}

impl Cast {
    pub fn of_tour(number: u32) -> Self {
        let tag = if number == 1 { String::new() } else { format!("-{number}") };
        let label = tag.replace('-', "+");
        let owner = |name, password, tenant: &str| {
            let domain = tenant.to_lowercase();
            let email = format!("{}@{domain}{tag}.test", str::to_lowercase(name));
            Owner { name, email, password, tenant: format!("{tenant}{}", tag.replace('-', " ")), host: format!("{domain}{tag}.forum.localhost") }
        };
        Self {
            ada: owner("Ada", "nine lanterns over the harbour", "Acme"),
            grace: owner("Grace", "seven kites above the lighthouse", "Globex"),
            mallory: owner("Mallory", "five drawbridges before breakfast", "Initech"),
            bob_email: format!("bob@acme{tag}.test"),
            bob_password: "eleven geese along the towpath",
            crash_host: format!("acme-crash{tag}.forum.localhost"),
            bouncing: format!("bounce{label}@simulator.amazonses.com"),
            complaining: format!("complaint{label}@simulator.amazonses.com"),
            tag,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_tour_has_the_names_of_the_story() {
        let cast = Cast::of_tour(1);
        assert_eq!((&*cast.ada.email, &*cast.ada.tenant, &*cast.ada.host), ("ada@acme.test", "Acme", "acme.forum.localhost"));
        assert_eq!(cast.bouncing, "bounce@simulator.amazonses.com");
    }

    #[test]
    fn later_ones_are_told_apart() {
        let cast = Cast::of_tour(2);
        assert_eq!((&*cast.ada.email, &*cast.ada.tenant, &*cast.ada.host), ("ada@acme-2.test", "Acme 2", "acme-2.forum.localhost"));
        assert_eq!(cast.complaining, "complaint+2@simulator.amazonses.com");
    }
}
