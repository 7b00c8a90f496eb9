//! Claims of an access token: who acts, where, until when and within what; never what they may do.

use contracts::id::{Principal, SessionId, TenantId};
use serde::{Deserialize, Serialize};

/// What an access token says. It carries no permissions.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Claims {
    pub iss: String,
    pub aud: String,
    /// User id, or the client's id if a machine acts for itself.
    pub sub: String,
    /// Tenant that the caller acts in; platform clients have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tid: Option<TenantId>,
    /// What the token lives by: a session, a client's secret or an API key; platform clients have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<SessionId>,
    pub client_id: String,
    pub iat: i64,
    pub exp: i64,
    pub jti: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<i64>,
    /// What those methods amount to (OpenID Connect Core §2): `aal1`, one factor, or `aal2`, two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acr: Option<String>,
    /// Authentication methods (RFC 8176).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub amr: Vec<String>,
    /// The only permissions that the token may be used for, separated by spaces (RFC 9068 §2.2.3); absent means all
    /// that the principal has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// Who acts for the subject, which then may do no more than both may (RFC 8693 §4.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub act: Option<Actor>,
}

/// A product that acts for a person.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Actor {
    /// Its platform client.
    pub sub: String,
}

/// The audience of tokens for a product: nobody else takes them (RFC 8707).
pub fn product_audience(issuer: &str, product: &str) -> String {
    format!("{issuer}/products/{product}")
}

impl Claims {
    /// The principal that acts; `None` if `sub` is neither a user nor this client.
    pub fn principal(&self) -> Option<Principal> {
        let is_client = self.sub == self.client_id;
        // Who acts in a tenant must be stoppable, so it does so under a `sid`.
        match self.sid {
            None if self.tid.is_some() || !is_client => None,
            _ if is_client => Some(Principal::Client(self.client_id.clone())),
            _ => self.sub.parse().ok().map(Principal::User),
        }
    }

    /// Who acts for the principal, if somebody does.
    pub fn actor(&self) -> Option<Principal> {
        self.act.as_ref().map(|actor| Principal::Client(actor.sub.clone()))
    }

    /// Whether the token may be used for the permission, if its principal has it.
    pub fn covers(&self, permission: &str) -> bool {
        self.scope.as_deref().is_none_or(|scope| scope.split(' ').any(|name| name == permission))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_principal_is_a_client_or_a_user_and_can_be_stopped_in_a_tenant() {
        let (user, other) = ("01890a5d-ac96-774b-bcce-b302099a8057", "01890a5d-ac96-774b-bcce-b302099a8058");
        let machine = format!("client:{user}");
        let person = format!("user:{user}");
        for (sub, client_id, in_tenant, sid, principal) in [
            ("worker", "worker", false, None, Some("client:worker")),
            (user, user, true, Some(other), Some(machine.as_str())),
            (user, "web", true, Some(other), Some(person.as_str())),
            (user, user, true, None, None),
            (user, "web", true, None, None),
            (user, "web", false, None, None),
            ("worker", "web", true, Some(other), None),
        ] {
            let claims = json!({"iss": "i", "aud": "a", "sub": sub, "client_id": client_id, "sid": sid,
                "tid": in_tenant.then_some(other), "iat": 0, "exp": 0, "jti": "j"});
            let claims: Claims = serde_json::from_value(claims).unwrap();
            assert_eq!(claims.principal().map(|principal| principal.to_string()).as_deref(), principal, "{claims:?}");
        }
    }

    #[test]
    fn a_scope_covers_whole_names_only() {
        let claims = |scope| {
            serde_json::from_value::<Claims>(json!({"iss": "i", "aud": "a", "sub": "s", "client_id": "c", "iat": 0,
                "exp": 0, "jti": "j", "scope": scope}))
            .unwrap()
        };
        assert!(claims(None).covers("x.y") && claims(Some("x.y x.z")).covers("x.z"));
        for other in ["x.", "x.y x.z", "", "y"] {
            assert!(!claims(Some("x.y x.z")).covers(other), "{other}");
        }
        assert!(!claims(Some("")).covers("x.y"));
    }
}
