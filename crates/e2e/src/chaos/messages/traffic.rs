//! What people do meanwhile: they write posts, and newcomers register and have forums made. Whoever meets an outage
//! tries again or goes away; what was really done, the databases say in the end.

use crate::tour::{
    enabling, forum,
    guide::{Guide, PATIENCE},
    http::text,
    people::Owner,
    registration, sessions, setup,
};
use anyhow::{Context, Result, ensure};
use reqwest::Method;
use serde_json::json;
use std::{
    cell::{Cell, RefCell},
    time::{Duration, Instant},
};
use tokio::{
    sync::Notify,
    time::{sleep, timeout},
};

/// The hosts of all forums of this proof, for `LIKE`.
pub const HOSTS: &str = "delivery-%";
/// Members of the forums.
const PASSWORD: &str = "three teapots and a spoon";
const BETWEEN_POSTS: Duration = Duration::from_millis(5);
/// Rows in which newcomers come.
const ROWS: u32 = 2;
/// A newcomer who is not served by then goes away.
const WAITS_FOR: Duration = Duration::from_secs(30);
/// Before something that failed is tried again.
const PAUSE: Duration = Duration::from_millis(100);

pub struct Traffic<'a> {
    guide: &'a Guide,
    forums: [Forum; 2],
    posts: Cell<u64>,
    newcomers: Cell<u64>,
    mistakes: RefCell<Vec<String>>,
    over: Cell<bool>,
    ended: Notify,
}

/// A forum with a member who writes.
struct Forum {
    host: String,
    /// Where the member's posts go.
    replies: String,
    token: String,
}

impl<'a> Traffic<'a> {
    /// Two tenants, each with a forum.
    pub async fn prepare(guide: &'a Guide) -> Result<Self> {
        let (ada, grace) = (&guide.people.ada, &guide.people.grace);
        let (first, second) = tokio::try_join!(open(guide, ada, 1), open(guide, grace, 2))?;
        Ok(Self {
            guide,
            forums: [first, second],
            posts: Cell::new(0),
            newcomers: Cell::new(0),
            mistakes: RefCell::default(),
            over: Cell::new(false),
            ended: Notify::new(),
        })
    }

    /// Goes on until the end.
    pub async fn flow(&self) {
        let [first, second] = &self.forums;
        let flowing =
            async { tokio::join!(self.write(first), self.write(second), self.keep_coming(0), self.keep_coming(1)) };
        tokio::select! {
            _ = flowing => {}
            () = self.ended.notified() => {}
        }
    }

    pub fn end(&self) {
        self.over.set(true);
        self.ended.notify_one();
    }

    /// Waits until somebody can write again.
    pub async fn until_it_flows(&self) -> Result<()> {
        let (before, began) = (self.posts.get(), Instant::now());
        while self.posts.get() == before {
            ensure!(began.elapsed() < PATIENCE, "nobody could write a post any more");
            sleep(PAUSE).await;
        }
        Ok(())
    }

    /// Those who were served.
    pub fn newcomers(&self) -> u64 {
        self.newcomers.get()
    }

    /// What nobody should have met.
    pub fn mistakes(&self) -> Vec<String> {
        self.mistakes.borrow().clone()
    }

    async fn write(&self, forum: &Forum) {
        let mut number = 0_u64;
        while !self.over.get() {
            number += 1;
            let body = json!({ "body": format!("This is post {number}.") });
            let call = forum::call(self.guide, &forum.host, Method::POST, &forum.replies).bearer(&forum.token);
            match call.json(&body).send().await {
                Ok(answer) if answer.status == 201 => {
                    self.posts.set(self.posts.get() + 1);
                    sleep(BETWEEN_POSTS).await;
                }
                // Whether it was written before the answer was lost, the database knows.
                Err(_) => sleep(PAUSE).await,
                Ok(answer) if answer.status == 503 => sleep(PAUSE).await,
                Ok(answer) => {
                    self.mistakes.borrow_mut().push(format!("a post was answered {answer}"));
                    sleep(PAUSE).await;
                }
            }
        }
    }

    /// One after the other, people come, and each has a forum made.
    async fn keep_coming(&self, row: u32) {
        // The first hosts are those of the forums that everybody writes in.
        let mut number = row + 1;
        while !self.over.get() {
            number += ROWS;
            // Nobody waits for a mail that was ordered before an outage. Whether it is sent, the ledger says.
            match timeout(WAITS_FOR, self.come(number)).await {
                Ok(Ok(())) => self.newcomers.set(self.newcomers.get() + 1),
                // What they met is an outage. Somebody else comes.
                Ok(Err(_)) => sleep(PAUSE).await,
                Err(_) => {}
            }
        }
    }

    async fn come(&self, number: u32) -> Result<()> {
        let domain = format!("delivery-{}-{number}", self.guide.people.tag);
        let newcomer = Owner {
            name: "Lin",
            email: format!("lin@{domain}.test"),
            password: "twelve oars and no boat at all",
            tenant: domain,
            host: host(self.guide, number),
        };
        registration::sign_up(self.guide, &newcomer).await?;
        let session = sessions::log_in(self.guide, &newcomer).await?;
        let instance = enabling::request(self.guide, &session, &newcomer.host, &[]).await?;
        setup::complete(self.guide, &instance, "Made in hard times", 0).await
    }
}

fn host(guide: &Guide, number: u32) -> String {
    format!("delivery-{}-{number}.forum.localhost", guide.people.tag)
}

async fn open(guide: &Guide, owner: &Owner, number: u32) -> Result<Forum> {
    registration::sign_up(guide, owner).await?;
    let session = sessions::log_in(guide, owner).await?;
    let host = host(guide, number);
    let instance = enabling::request(guide, &session, &host, &[]).await?;
    setup::complete(guide, &instance, "In hard times", 0).await?;
    setup::until_there(guide, &host).await?;
    enabling::wait_until(guide, &session, &instance.id, "active", |_| Ok(())).await?;
    let member = json!({ "name": "Mo", "email": "mo@example.test", "password": PASSWORD });
    forum::call(guide, &host, Method::POST, "/v1/members").json(&member).expect(201).await?;
    let signed_in = forum::call(guide, &host, Method::POST, "/v1/sessions").json(&member).expect(201).await?;
    let token = text(&signed_in, "/token").context("a member who signs in gets a token")?.to_owned();
    let topic = json!({ "title": "News", "body": "Is anybody there?" });
    let topic = forum::call(guide, &host, Method::POST, "/v1/topics").bearer(&token).json(&topic).expect(201).await?;
    let replies = format!("/v1/topics/{}/posts", text(&topic, "/id")?);
    Ok(Forum { host, replies, token })
}
