//! A bucket of S3 that one test has for itself.

use crate::platform::clean_up;
use common::ambient::Ambient;
use objects::Bucket;

/// A bucket; removed when dropped, with all that is in it.
pub struct TestBucket {
    pub name: String,
    pub bucket: Bucket,
}

impl TestBucket {
    pub async fn make() -> Self {
        common::crypto::install();
        let name = format!("t-{}", Ambient::system().uuid());
        let bucket = open(&name).await;
        bucket.provision().await.expect("making a bucket");
        Self { name, bucket }
    }
}

async fn open(name: &str) -> Bucket {
    Bucket::from_env(name, Ambient::system()).await.expect("a bucket's name")
}

impl Drop for TestBucket {
    fn drop(&mut self) {
        let name = std::mem::take(&mut self.name);
        // Its own client: a connection belongs to the runtime that has opened it.
        clean_up(async move || open(&name).await.teardown().await.expect("removing a bucket"));
    }
}
