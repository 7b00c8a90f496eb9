//! Step 4: who is kept out, and what are they told?

use super::{
    forged,
    guide::Guide,
    sessions::{EVERYWHERE, Session},
};
use anyhow::{Result, ensure};
use std::collections::BTreeSet;

/// What only operators may.
const OPERATORS: [(&str, &str, &str); 3] = [
    ("billing", "/v1/cycles", "billing.readCycles"),
    ("mailer", "/v1/messages", "mailer.readMessages"),
    ("worker", "/v1/jobs", "worker.readJobs"),
];

pub async fn refused(guide: &Guide, ada: &Session) -> Result<()> {
    let jwks = guide.get("auth", "/.well-known/jwks.json").expect(200).await?;
    let mut request_ids = BTreeSet::new();
    for (what, token) in forged::all(&ada.token, &jwks)? {
        for (service, path) in EVERYWHERE {
            let call = guide.get(service, path);
            let answer = if token.is_empty() { call } else { call.bearer(&token) }.send().await?;
            let code = if token.is_empty() { "token_missing" } else { "token_invalid" };
            let problem = answer.refused(401, code)?;
            ensure!(
                answer.header("www-authenticate").is_some_and(|scheme| scheme.starts_with("Bearer")),
                "{answer} without WWW-Authenticate"
            );
            request_ids.insert(problem["request_id"].to_string());
        }
        guide.saw(format!("{what}: 401 at all {}", EVERYWHERE.len()));
    }
    // It was made as the stack began, lived for a second, and is forgiven five more: that may be now.
    let expired = async || {
        Ok((guide.get(EVERYWHERE[0].0, EVERYWHERE[0].1).bearer(&guide.state.expired_token).send().await?.status == 401)
            .then_some(()))
    };
    guide.wait("the token that the stack began with to expire", expired).await?;
    for (service, path) in EVERYWHERE {
        let problem = guide.get(service, path).bearer(&guide.state.expired_token).refused(401, "token_expired").await?;
        request_ids.insert(problem["request_id"].to_string());
    }
    guide.saw(format!("an expired one, of a session that lives: 401 token_expired at all {}", EVERYWHERE.len()));
    for (service, path, permission) in OPERATORS {
        let problem = guide.get(service, path).bearer(&ada.token).refused(403, "permission_missing").await?;
        request_ids.insert(problem["request_id"].to_string());
        guide.saw(format!("{service} without {permission}: 403 permission_missing"));
    }
    let answers = (forged::all(&ada.token, &jwks)?.len() + 1) * EVERYWHERE.len() + OPERATORS.len();
    ensure!(request_ids.len() == answers, "{answers} refusals have only {} request ids", request_ids.len());
    guide.saw(format!("each of these {answers} refusals was a problem+json with a request_id of its own"));
    Ok(())
}
