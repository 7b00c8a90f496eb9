//! Objects in a bucket of the emulator.

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use common::ambient::Ambient;
use contracts::{
    id::{InstanceId, TenantId},
    object_key::ObjectKey,
};
use objects::{Bucket, ObjectError, Objects, content::FileKind};
use std::{fs, path::PathBuf, time::Duration};
use test_support::TestBucket;

const MINUTE: Duration = Duration::from_secs(60);

/// A bucket of its own, and a folder that is removed when dropped.
struct World {
    bucket: TestBucket,
    ambient: Ambient,
    tenant: TenantId,
    folder: PathBuf,
}

impl World {
    async fn start() -> Self {
        let (ambient, bucket) = (Ambient::system(), TestBucket::make().await);
        bucket.bucket.provision().await.expect("again changes nothing");
        let folder = std::env::temp_dir().join(&bucket.name);
        fs::create_dir(&folder).unwrap();
        Self { bucket, tenant: TenantId(ambient.uuid()), ambient, folder }
    }

    fn instance(&self) -> Objects {
        self.bucket.bucket.of("pdf", self.tenant, InstanceId(self.ambient.uuid()))
    }
}

impl Drop for World {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.folder).unwrap();
    }
}

fn key() -> ObjectKey {
    "files/a.pdf".parse().unwrap()
}

#[tokio::test]
async fn what_a_browser_puts_is_fetched_until_it_is_deleted() {
    let world = World::start().await;
    let (objects, neighbour) = (world.instance(), world.instance());
    let url = objects.presign_put(&key(), MINUTE, 5).await.unwrap();
    assert!(url.as_str().starts_with(&objects.origin()) && !url.as_str().contains("secret"), "{url}");
    let put = reqwest::Client::new().put(url).body("hello").send().await.unwrap();
    assert!(put.status().is_success(), "{put:?}");

    let copy = world.folder.join("copy");
    let fetched = objects.fetch(&key(), &copy, 5).await.unwrap();
    assert_eq!((fetched.bytes, fs::read(&copy).unwrap()), (5, b"hello".to_vec()));
    assert!(!fetched.etag.is_empty());
    let of_another = neighbour.fetch(&key(), &world.folder.join("another"), 5).await;
    assert_eq!(of_another, Err(ObjectError::Gone), "the key of one instance is nothing to another");
    let too_large = objects.fetch(&key(), &world.folder.join("large"), 4).await;
    assert_eq!(too_large, Err(ObjectError::TooLarge { most: 4 }));

    objects.delete(&key()).await.unwrap();
    objects.delete(&key()).await.expect("it is gone, as was asked for");
    assert_eq!(objects.fetch(&key(), &world.folder.join("gone"), 5).await, Err(ObjectError::Gone));
}

#[tokio::test]
async fn what_is_larger_than_any_object_gets_no_url() {
    let world = World::start().await;
    let refused = world.instance().presign_put(&key(), MINUTE, objects::LARGEST + 1).await;
    assert_eq!(refused.unwrap_err(), ObjectError::TooLarge { most: objects::LARGEST });
}

#[tokio::test]
async fn nobody_there_means_that_it_may_be_had_later_and_tells_no_signature() {
    common::crypto::install();
    let credentials = Credentials::new("key", "secret", None, None, "test");
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        // No port of ours is below 1024.
        .endpoint_url("http://127.0.0.1:9")
        .build();
    let bucket = Bucket::new(&config, "bucket", Ambient::system()).unwrap();
    let objects = bucket.of("pdf", TenantId(Ambient::system().uuid()), InstanceId(Ambient::system().uuid()));
    let fault = objects.delete(&key()).await.unwrap_err();
    assert!(matches!(&fault, ObjectError::Away(_)), "{fault}");
    assert!(!fault.to_string().contains("X-Amz-Signature"), "{fault}");
}

/// As `sha256sum` says of "hello".
const HELLO: &str = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

fn digest() -> objects::content::Digest {
    let byte = |at: usize| u8::from_str_radix(&HELLO[at..at + 2], 16).unwrap();
    std::array::from_fn(|index| byte(2 * index))
}

#[tokio::test]
async fn what_is_named_by_its_content_is_written_again_without_harm_and_saved_under_a_name() {
    const TEXT: FileKind = FileKind { extension: "txt", media_type: "text/plain" };
    let world = World::start().await;
    let contents = world.bucket.bucket.contents("letters", world.tenant);
    for _ in 0..2 {
        contents.put(&digest(), TEXT, b"hello".to_vec()).await.unwrap();
    }
    let name = "letter-7.txt".parse().unwrap();
    let url = contents.presign_get(&digest(), TEXT, &name, MINUTE).await.unwrap();
    assert!(url.path().ends_with(&format!("/letters/{}/{HELLO}.txt", world.tenant)), "{url}");
    let answer = reqwest::get(url).await.unwrap();
    assert_eq!(answer.headers()["content-disposition"], "attachment;filename=letter-7.txt");
    assert_eq!(answer.headers()["content-type"], "text/plain");
    assert_eq!(answer.text().await.unwrap(), "hello");

    let of_another = world.bucket.bucket.contents("letters", TenantId(world.ambient.uuid()));
    let url = of_another.presign_get(&digest(), TEXT, &name, MINUTE).await.unwrap();
    assert_eq!(reqwest::get(url).await.unwrap().status(), 404);
    let large = contents.put(&digest(), TEXT, vec![0; objects::LARGEST as usize + 1]).await;
    assert_eq!(large, Err(ObjectError::TooLarge { most: objects::LARGEST }));
    world.bucket.bucket.teardown().await.unwrap();
    assert_eq!(contents.put(&digest(), TEXT, b"hello".to_vec()).await, Err(ObjectError::Gone));
    world.bucket.bucket.provision().await.unwrap();
}
