//! Tests of assertion files: one holds when it is true, and names what is not.

use crate::support::{World, principal};
use permission::assertions::{Settings, hold};
use std::{fs, path::PathBuf};
use test_support::TestUser;

/// A file that is gone when the test ends.
struct File(PathBuf);

impl Drop for File {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

async fn outcome(world: &World, by: &TestUser, text: &str) -> Result<usize, String> {
    let file = File(std::env::temp_dir().join(format!("{}.yaml", world.platform.ambient.uuid())));
    fs::write(&file.0, text).unwrap();
    let settings = Settings { url: world.server.url.clone(), token: by.token.clone().into(), file: file.0.clone() };
    hold(&settings).await.map_err(|error| format!("{error:#}"))
}

#[tokio::test]
async fn assertions_hold_or_say_which_do_not() {
    let (world, ada, bob) = World::with_stranger().await;
    world.grant(&ada, &bob, "permission.readRoles").await;
    let (ada_is, bob_is) = (principal(&ada), principal(&bob));
    let text = format!(
        "- principal: {ada_is}\n  may: [permission.writeGrants]\n- principal: {bob_is}\n  may: \
         [permission.readRoles]\n  may_not: [permission.readGrants]\n"
    );
    assert_eq!(outcome(&world, &ada, &text).await, Ok(3));

    world.grant(&ada, &bob, "permission.readGrants").await;
    let failure = outcome(&world, &ada, &text).await.unwrap_err();
    assert_eq!(
        failure,
        format!(
            "1 of 3 assertions do not hold:\n  {bob_is} may permission.readGrants, and it is asserted that they may not"
        )
    );

    let many: String = (0..201).map(|_| format!("- principal: {bob_is}\n  may: [permission.readRoles]\n")).collect();
    assert_eq!(outcome(&world, &ada, &many).await, Ok(201));
    let unknown =
        outcome(&world, &ada, &format!("- principal: {bob_is}\n  may: [permission.fly]\n")).await.unwrap_err();
    assert!(unknown.contains("422") && unknown.contains("permission.fly is not a registered permission"), "{unknown}");
    let stranger = world.stranger(ada.tenant).await;
    let refused = outcome(&world, &stranger, &text).await.unwrap_err();
    assert!(refused.contains("403"), "{refused}");
}
