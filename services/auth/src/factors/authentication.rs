//! Authentication methods (`amr`, RFC 8176) and what they amount to (`acr`).

use std::collections::BTreeSet;

/// One factor: authenticator assurance level 1 of NIST SP 800-63B.
pub const ONE_FACTOR: &str = "aal1";
/// Two factors: level 2.
pub const TWO_FACTORS: &str = "aal2";

const PASSWORD: &str = "pwd";
const ONE_TIME_CODE: &str = "otp";
const DEVICE_KEY: &str = "hwk";
const SYNCED_KEY: &str = "swk";
const PRESENCE: &str = "user";
const SEVERAL: &str = "mfa";
/// By the word of the tenant's own identity provider. No method of RFC 8176, which has none for it.
const FEDERATED: &str = "fed";

/// What somebody has shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evidence {
    Password,
    /// A code of an app, or a recovery code.
    OneTimeCode,
    /// `synced`: the key may be on several devices. `verified`: the device knows its owner, by a PIN or a finger.
    Passkey {
        synced: bool,
        verified: bool,
    },
}

/// The methods of a session: those `before`, if any, and what was shown now.
pub fn amr(before: &[String], shown: &[Evidence]) -> Vec<String> {
    let mut methods: BTreeSet<&str> = before.iter().map(String::as_str).collect();
    for evidence in shown {
        match evidence {
            Evidence::Password => methods.extend([PASSWORD]),
            Evidence::OneTimeCode => methods.extend([ONE_TIME_CODE]),
            Evidence::Passkey { synced, verified } => {
                methods.extend([if *synced { SYNCED_KEY } else { DEVICE_KEY }, PRESENCE]);
                // A key that its device unlocks for its owner alone is two factors by itself.
                methods.extend(verified.then_some(SEVERAL));
            }
        }
    }
    if methods.contains(PASSWORD) && (methods.contains(ONE_TIME_CODE) || methods.contains(PRESENCE)) {
        methods.insert(SEVERAL);
    }
    methods.into_iter().map(str::to_owned).collect()
}

/// The authentication context class (OpenID Connect Core §2) that methods amount to.
pub fn acr(amr: &[String]) -> &'static str {
    if amr.iter().any(|method| method == SEVERAL) { TWO_FACTORS } else { ONE_FACTOR }
}

/// Of a session that the tenant's identity provider has vouched for. What was shown there was not shown to us.
pub fn by_provider(two_factors: bool) -> Vec<String> {
    let methods = std::iter::once(FEDERATED).chain(two_factors.then_some(SEVERAL));
    methods.map(str::to_owned).collect()
}

/// Whether a tenant's identity provider has vouched for the person, who has shown us nothing. Whatever is added to such
/// methods, they stay that.
pub fn is_by_provider(amr: &[String]) -> bool {
    amr.iter().any(|method| method == FEDERATED)
}

/// Of a session that an earlier version began.
pub fn by_password() -> Vec<String> {
    amr(&[], &[Evidence::Password])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_factors_are_more_than_one() {
        let key = |verified| Evidence::Passkey { synced: false, verified };
        for (shown, methods, class) in [
            (&[Evidence::Password][..], &["pwd"][..], "aal1"),
            (&[Evidence::Password, Evidence::OneTimeCode], &["mfa", "otp", "pwd"], "aal2"),
            (&[Evidence::OneTimeCode], &["otp"], "aal1"),
            (&[key(false)], &["hwk", "user"], "aal1"),
            (&[key(true)], &["hwk", "mfa", "user"], "aal2"),
            (&[Evidence::Password, key(false)], &["hwk", "mfa", "pwd", "user"], "aal2"),
            (&[Evidence::Passkey { synced: true, verified: true }], &["mfa", "swk", "user"], "aal2"),
        ] {
            let found = amr(&[], shown);
            assert_eq!((found.iter().map(String::as_str).collect::<Vec<_>>(), acr(&found)), (methods.to_vec(), class));
        }
        let provided = by_provider(true);
        assert_eq!(
            (provided.join(" ").as_str(), acr(&provided), acr(&by_provider(false))),
            ("fed mfa", "aal2", "aal1")
        );
        assert!(is_by_provider(&amr(&provided, &[Evidence::Password])) && !is_by_provider(&by_password()));
        let stepped_up = amr(&by_password(), &[Evidence::OneTimeCode]);
        assert_eq!((stepped_up.join(" ").as_str(), acr(&stepped_up)), ("mfa otp pwd", "aal2"));
    }
}
