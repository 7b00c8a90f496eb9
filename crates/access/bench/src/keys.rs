//! The keys of a permission check in Redis.

use access::token::Claims;
use anyhow::{Context, Result};

/// The four keys of a check, as `access` names them.
pub fn keys(claims: &Claims) -> Result<[String; 4]> {
    let (tenant, session) = claims.tid.zip(claims.sid).context("the token must be one of a session in a tenant")?;
    let principal = claims.principal().context("the token must name its principal")?;
    Ok([
        format!("{{{tenant}}}:rec:{principal}"),
        format!("{{{tenant}}}:us:{principal}"),
        format!("{{{tenant}}}:ts"),
        format!("{{{tenant}}}:sess:{session}"),
    ])
}
