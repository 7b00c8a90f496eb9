//! Moderation: posts are deleted by whoever the platform lets, in the tenant whose forum it is.

use crate::support::{ACME, Fixture, OnHost};
use serde_json::json;

#[tokio::test]
async fn moderators_of_the_tenant_delete_posts() {
    let fixture = Fixture::start().await;
    let ada = fixture.member("Ada").await;
    let topic = fixture.post_as(&ada, "/v1/topics", &json!({"title": "T", "body": "B"})).await.expect(201);
    let topic = format!("/v1/topics/{}", topic["id"].as_str().unwrap());
    let read = fixture.get(&topic).await.expect(200);
    let post = format!("/v1/posts/{}", read["posts"]["items"][0]["id"].as_str().unwrap());

    fixture.server.delete(&post).on(ACME).await.problem(401, "token_missing");
    fixture.server.delete(&post).bearer(&ada).on(ACME).await.problem(401, "token_invalid");
    let nobody = fixture.platform.user(fixture.acme, &["forum.addPost"]).await;
    fixture.server.delete(&post).bearer(&nobody.token).on(ACME).await.problem(403, "permission_missing");
    let stranger = fixture.platform.user(fixture.platform.tenant(), &["forum.deletePosts"]).await;
    fixture.server.delete(&post).bearer(&stranger.token).on(ACME).await.problem(403, "wrong_tenant");
    let moderator = fixture.platform.user(fixture.acme, &["forum.deletePosts"]).await;
    assert_eq!(fixture.server.delete(&post).bearer(&moderator.token).on(ACME).await.status, 204);
    fixture.server.delete(&post).bearer(&moderator.token).on(ACME).await.problem(404, "post_not_found");
    let read = fixture.get(&topic).await.expect(200);
    assert_eq!((read["post_count"].as_i64(), read.get("author")), (Some(0), None));
}
