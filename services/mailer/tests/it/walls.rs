//! The walls between tenants.

use crate::support::start;

/// A key is taken for every tenant, and whose mail has it is nobody else's business.
#[tokio::test]
async fn another_tenants_key_is_taken_and_tells_nothing() {
    let mailer = start().await;
    let mail = mailer.notice("k", &mailer.address());
    mailer.send(&mail).await.expect(202);
    let stranger = mailer.platform.user(mailer.platform.tenant(), &["mailer.sendMessages"]).await;
    mailer.server.post("/v1/messages", &mail).bearer(&stranger.token).await.problem(409, "key_reused");
}
