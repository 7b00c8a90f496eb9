//! May a test end while its service is logging in to PostgreSQL? One that waits for its password holds up every `DROP
//! DATABASE`.

use sqlx::{Connection, PgConnection, migrate::Migrator};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};
use test_support::{Link, TestPlatform, eventually};

/// A database is dropped within a second; a backend that was forgotten while it authenticates holds it up for five.
const AT_ONCE: Duration = Duration::from_secs(4);
/// So many at a time that some are being authenticated at any moment.
const CONNECTING: usize = 16;

/// Logs in again and again, and never stops by itself.
async fn connect_for_ever(url: String, connected: Arc<AtomicUsize>) -> anyhow::Result<()> {
    loop {
        PgConnection::connect(&url).await?;
        connected.fetch_add(1, Relaxed);
    }
}

/// Starts a platform whose service does nothing but connect to that database, and ends it; gives how long that took.
async fn end_while_connecting(through: impl AsyncFnOnce(&str) -> (String, Option<Link>)) -> Duration {
    let platform = TestPlatform::start("nobody", &Migrator::DEFAULT).await;
    let (url, link) = through(&platform.env()["DATABASE_URL"]).await;
    let connected = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&connected);
    let server = platform
        .serve(|_, _, _| async move {
            let all: Vec<_> =
                (0..CONNECTING).map(|_| tokio::spawn(connect_for_ever(url.clone(), Arc::clone(&counter)))).collect();
            for one in all {
                one.await??;
            }
            Ok(())
        })
        .await;
    eventually("each has connected", async || (connected.load(Relaxed) > 2 * CONNECTING).then_some(())).await;
    drop(server);
    let began = Instant::now();
    drop(platform);
    drop(link);
    began.elapsed()
}

#[tokio::test]
async fn a_service_that_is_connecting_does_not_hold_up_the_end() {
    let took = end_while_connecting(async |url| (url.to_owned(), None)).await;
    assert!(took < AT_ONCE, "{took:?}");
}

/// The link's own connection to the server must not be forgotten either.
#[tokio::test]
async fn nor_does_one_that_connects_through_a_link() {
    let linked = async |url: &str| {
        let link = Link::to(url).await;
        (link.through(url), Some(link))
    };
    let took = end_while_connecting(linked).await;
    assert!(took < AT_ONCE, "{took:?}");
}
