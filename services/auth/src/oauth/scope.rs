//! Scopes: what may an app do for a person? The words of OpenID Connect (Core §5.4, §11), and permissions by their
//! names.

use std::{collections::BTreeSet, fmt, str::FromStr};

pub const OPENID: &str = "openid";
pub const PROFILE: &str = "profile";
pub const EMAIL: &str = "email";
/// The app may go on while the person is away: it gets a refresh token.
pub const OFFLINE_ACCESS: &str = "offline_access";
pub const WORDS: [&str; 4] = [OPENID, PROFILE, EMAIL, OFFLINE_ACCESS];

/// More than a person would read before they agree.
const MOST: usize = 50;
const LONGEST_PERMISSION: usize = 100;

/// Scopes, each once (RFC 6749 §3.3).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scopes(BTreeSet<String>);

#[derive(Debug, PartialEq, thiserror::Error)]
#[error("must be at most {MOST} words separated by spaces: openid, profile, email, offline_access or permissions")]
pub struct NotScopes;

impl Scopes {
    /// Of a token of ours, which may hold more than an app could ask for.
    pub fn of_token(scope: &str) -> Self {
        Self(scope.split(' ').map(str::to_owned).collect())
    }

    pub fn has(&self, scope: &str) -> bool {
        self.0.contains(scope)
    }

    pub fn contains_all(&self, others: &Self) -> bool {
        self.0.is_superset(&others.0)
    }

    /// What is in both.
    pub fn within(&self, others: &Self) -> Self {
        Self(self.0.intersection(&others.0).cloned().collect())
    }

    /// Permissions that services check, without the words of OpenID Connect.
    pub fn permissions(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str).filter(|scope| !WORDS.contains(scope))
    }

    /// As the database has them.
    pub fn to_vec(&self) -> Vec<String> {
        self.0.iter().cloned().collect()
    }
}

/// What the database has was checked when it was written.
impl From<Vec<String>> for Scopes {
    fn from(scopes: Vec<String>) -> Self {
        Self(scopes.into_iter().collect())
    }
}

impl FromStr for Scopes {
    type Err = NotScopes;
    fn from_str(text: &str) -> Result<Self, NotScopes> {
        let scopes: BTreeSet<_> = text.split(' ').filter(|scope| !scope.is_empty()).map(str::to_owned).collect();
        let known = |scope: &String| WORDS.contains(&scope.as_str()) || is_permission(scope);
        if scopes.len() <= MOST && scopes.iter().all(known) { Ok(Self(scopes)) } else { Err(NotScopes) }
    }
}

/// `namespace.action`; whether there is such a permission is seen when it is used.
fn is_permission(scope: &str) -> bool {
    let Some((namespace, action)) = scope.split_once('.') else { return false };
    let is_namespace = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let sound = !namespace.is_empty() && !action.is_empty() && scope.len() <= LONGEST_PERMISSION;
    sound && namespace.bytes().all(is_namespace) && action.bytes().all(|b| b.is_ascii_alphanumeric())
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_vec().join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_known_words_and_permissions() {
        let scopes: Scopes = "openid  forum.addPost email openid".parse().unwrap();
        assert_eq!(scopes.to_string(), "email forum.addPost openid");
        assert_eq!(scopes.permissions().collect::<Vec<_>>(), ["forum.addPost"]);
        assert!(scopes.contains_all(&"email".parse().unwrap()) && !scopes.contains_all(&"profile".parse().unwrap()));
        for text in ["admin", "openid,email", "forum.", "forum.*", "forum.add\"Post", "OPENID"] {
            assert_eq!(text.parse::<Scopes>(), Err(NotScopes), "{text}");
        }
        let many: Vec<_> = (0..=MOST).map(|n| format!("forum.do{n}")).collect();
        assert!(many.join(" ").parse::<Scopes>().is_err() && many[1..].join(" ").parse::<Scopes>().is_ok());
    }
}
