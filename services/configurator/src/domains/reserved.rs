//! The labels that nobody gets under a product domain: one list, with reasons.

use contracts::roster;

/// Reasons and labels, between spaces, that a tenant could use to pass for the platform, or to catch what programs and
/// authorities send to well-known names.
const RESERVED: &[(&str, &str)] = &[
    ("services of the platform, beside those of the roster", "api console docs status metrics"),
    (
        "pages that people take for the company's own",
        "www app web login signin sign-in logout register signup sign-up account accounts sso oauth id password \
         secure security pay payment payments invoice invoices support help contact blog news about legal privacy \
         terms imprint shop store team careers jobs press demo official platform sevenleague",
    ),
    (
        "parts of a site that browsers trust",
        "static cdn assets img images media files download downloads upload uploads",
    ),
    (
        "mailboxes by which certificate authorities let a domain's owner prove it (RFC 2142, CA/Browser Forum \
         3.2.2.4.4)",
        "admin administrator hostmaster postmaster webmaster root abuse noc info noreply no-reply",
    ),
    (
        "names that programs look up by themselves",
        "wpad isatap autodiscover autoconfig mta-sts openpgpkey localhost local broadcasthost mail email webmail \
         smtp imap pop pop3 mx ns dns ftp sftp ssh vpn proxy gateway router host server",
    ),
    (
        "surroundings that are not for customers",
        "dev development test testing stage staging qa beta prod production internal intranet private",
    ),
];
/// Name servers and mail exchangers are numbered: `ns1`, `mx02`.
const NUMBERED: &[&str] = &["ns", "mx", "dns", "mail", "smtp", "www", "web", "api"];

/// Whether nobody gets this label, in lower case.
pub fn is_reserved(label: &str) -> bool {
    let stem = label.trim_end_matches(|c: char| c.is_ascii_digit());
    let listed = RESERVED.iter().any(|(_, labels)| labels.split(' ').any(|listed| listed == label));
    roster::is_reserved(label) || listed || (stem.len() < label.len() && NUMBERED.contains(&stem.trim_end_matches('-')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn well_known_labels_are_reserved_and_tenants_names_are_not() {
        for label in
            ["auth", "www", "www2", "ns1", "mx02", "mail-1", "wpad", "postmaster", "status", "billing", "autodiscover"]
        {
            assert!(is_reserved(label), "{label}");
        }
        for label in ["acme", "acme-2", "nsa", "apiary", "2", "mailbox-3", "web-shop", "a-1", "acme-crash-12"] {
            assert!(!is_reserved(label), "{label}");
        }
    }

    #[test]
    fn each_label_stands_once_and_could_be_asked_for() {
        let mut labels: Vec<_> = RESERVED.iter().flat_map(|(_, labels)| labels.split(' ')).collect();
        assert!(labels.iter().all(|label| {
            format!("{label}.a")
                .parse::<crate::instances::host_name::HostName>()
                .is_ok_and(|host| host.as_str() == format!("{label}.a"))
        }));
        let all = labels.len();
        labels.sort_unstable();
        labels.dedup();
        assert_eq!(labels.len(), all);
    }
}
