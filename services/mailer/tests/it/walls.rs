//! Does another tenant's transaction see or write anything here?

use crate::support::start;
use test_support::tenant_walls;

#[tokio::test]
async fn tenants_are_walled_off() {
    let mailer = start().await;
    let recipient = mailer.address();
    mailer.send(&mailer.notice("k", &recipient)).await.expect(202);
    mailer.with_status(&recipient, "sent").await;
    tenant_walls(&mailer.platform, &["mails"]).await;
}

/// A key is taken for every tenant, and whose mail has it is nobody else's business.
#[tokio::test]
async fn another_tenants_key_is_taken_and_tells_nothing() {
    let mailer = start().await;
    let mail = mailer.notice("k", &mailer.address());
    mailer.send(&mail).await.expect(202);
    let stranger = mailer.platform.user(mailer.platform.tenant(), &["mailer.sendMessages"]).await;
    mailer.server.post("/v1/messages", &mail).bearer(&stranger.token).send().await.problem(409, "key_reused");
}
