//! Step 16: what becomes of an instance whose worker dies at work?

use super::{
    enabling, forum,
    guide::{Guide, state_now},
    http::{list, number, text},
    sessions::Session,
    setup,
};
use anyhow::{Context, Result, ensure};
use local_stack::processes;
use reqwest::Method;
use serde_json::Value;
use std::time::{Duration, Instant};

/// Does the forum's jobs. It is killed, and started again as in `up`.
const WORKER: &str = "forum-worker";
const SAMPLE_POSTS: u32 = 5;
const LOOK: Duration = Duration::from_millis(10);
const AT_WORK: Duration = Duration::from_secs(20);

pub async fn kill_a_worker(guide: &Guide, ada: &Session) -> Result<()> {
    let instance = enabling::request(guide, ada, &guide.people.crash_host, &["statistics"]).await?;
    setup::complete(guide, &instance, "Made twice over", SAMPLE_POSTS).await?;
    let job = in_the_middle(guide, &instance.id).await?;
    let victim = text(&job, "/worker")?;
    let pid = pid_in(victim)?;
    let state = state_now(&guide.state.folder)?;
    ensure!(state.services[WORKER].pid == pid, "{victim} does the forum's jobs, and not {WORKER}");
    processes::signal(pid, "KILL").await?;
    let killed = Instant::now();
    guide.saw(format!(
        "{WORKER} (pid {pid}) killed with -9 while it had done {} of {} steps",
        job["progress"]["done"], job["progress"]["total"]
    ));

    let id = text(&job, "/id")?;
    let taken_over = async || {
        let job = jobs(guide, &format!("/v1/jobs/{id}")).await?;
        Ok((job["worker"].as_str().is_some_and(|worker| worker != victim)).then_some(job))
    };
    let job = guide.wait("another worker to take the job over", taken_over).await?;
    let survivor = pid_in(text(&job, "/worker")?)?;
    guide.saw(format!(
        "taken over {:.1} s later by the worker with pid {survivor}, attempt {}",
        killed.elapsed().as_secs_f32(),
        job["attempts"]
    ));
    enabling::wait_until(guide, ada, &instance.id, "active", |_| Ok(())).await?;
    setup::until_there(guide, &instance.host).await?;
    guide.saw(format!("the instance is active {:.1} s after the kill", killed.elapsed().as_secs_f32()));

    let topics = forum::call(guide, &instance.host, Method::GET, "/v1/topics").expect(200).await?;
    let posts = list(&topics, "/items").iter().map(|topic| number(topic, "/post_count")).sum::<Result<f64>>()?;
    ensure!(
        list(&topics, "/items").len() == 1 && posts == f64::from(SAMPLE_POSTS),
        "seeded more or less than once: {topics}"
    );
    guide.saw(format!("seeded once: one topic with {SAMPLE_POSTS} sample posts"));
    let finished = jobs(guide, &format!("/v1/jobs?instance_id={}", instance.id)).await?;
    ensure!(list(&finished, "/items").iter().all(|job| job["state"] == "succeeded"), "{finished}");
    guide.saw(format!("its {} jobs succeeded", list(&finished, "/items").len()));
    Ok(())
}

/// The instance's migration, while it runs and has done a part.
async fn in_the_middle(guide: &Guide, instance: &str) -> Result<Value> {
    let began = Instant::now();
    loop {
        let jobs = jobs(guide, &format!("/v1/jobs?instance_id={instance}")).await?;
        let migration =
            list(&jobs, "/items").iter().find(|job| job["kind"] == "instance.migrate").cloned().unwrap_or_default();
        if migration["state"] == "running" && number(&migration, "/progress/done").is_ok_and(|done| done >= 1.0) {
            return Ok(migration);
        }
        ensure!(
            migration["state"] != "succeeded",
            "the migration was over before anybody could be killed in it: {migration}"
        );
        ensure!(began.elapsed() < AT_WORK, "the migration has not begun: {jobs}");
        tokio::time::sleep(LOOK).await;
    }
}

/// Asks the platform's own worker, which lives on.
async fn jobs(guide: &Guide, path: &str) -> Result<Value> {
    guide.get("worker", path).bearer(guide.operator()).expect(200).await
}

/// The process behind a worker's name in the table of jobs.
fn pid_in(worker: &str) -> Result<u32> {
    let pid = worker.split(':').nth(1).and_then(|pid| pid.parse().ok());
    pid.with_context(|| format!("the worker '{worker}' does not say its process"))
}
