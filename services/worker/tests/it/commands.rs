//! Commands of bundles: only what is listed runs, within its limits, and nothing of it stays behind.

use crate::{bundles::MANIFEST, world::World};
use contracts::{
    envelope::{Envelope, source_of},
    id::{InstanceId, TenantId},
    jobs::RunCommand,
    messages::{Message, RunJob},
};
use serde_json::{Value, json};
use std::{fs, os::unix::fs::PermissionsExt, time::Duration};
use test_support::eventually;

/// Every command of these tests is a shell script of its name.
pub fn list(world: &World, commands: &[(&str, &str)]) {
    let mut manifest = MANIFEST.to_owned();
    for (name, script) in commands {
        let result = match name.split('-').next() {
            Some("count") => "result = \"public.take\"\n",
            Some("told") => "result = \"public.take\"\nfailure = \"public.take_failure\"\n",
            _ => "",
        };
        let command = format!(
            "[[commands]]\nname = \"{name}\"\nprogram = \"bin/{name}\"\narguments = [\"--fast\"]\nseconds = 3\n\
             memory_mib = 64\n{result}env = {{ MODE = \"test\" }}\n"
        );
        manifest.push_str(&command);
        let path = format!("bin/{name}");
        world.bundles.write(&path, &format!("#!/bin/sh\n{script}\n"));
        let file = world.bundles.0.join("forum/1.0.0").join(path);
        fs::set_permissions(file, fs::Permissions::from_mode(0o755)).unwrap();
    }
    world.bundles.write("manifest.toml", &manifest);
}

pub fn order(world: &World, command: &str, input: Value) -> RunJob {
    let (service, bundle_version) = ("forum".into(), "1.0.0".into());
    world.order(&RunCommand { service, bundle_version, command: command.into(), input, objects: Vec::new() })
}

/// As the product says it.
pub async fn publish(world: &World, order: &RunJob) {
    let envelope = world.platform.envelope(Some(world.tenant), order);
    let envelope = Envelope { source: source_of("forum"), ..envelope };
    world.platform.publish_envelope(RunJob::TOPIC, &envelope).await;
}

async fn run(world: &World, command: &str, input: Value) -> crate::world::Row {
    let order = order(world, command, input);
    publish(world, &order).await;
    world.ended(order.job_id).await
}

/// Processes that have `text` on their command line.
fn processes(text: &str) -> usize {
    let lines =
        fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
    lines.filter(|line| String::from_utf8_lossy(line).contains(text)).count()
}

async fn nothing_is_left(text: &str) {
    eventually("nothing of it is left", async || (processes(text) == 0).then_some(())).await;
}

#[tokio::test]
async fn a_command_gets_its_input_and_nothing_else_and_its_output_is_kept() {
    let (world, _worker) = World::with_worker().await;
    let show = r#"
        variables="$(env | cut -d= -f1 | sort | tr '\n' ' ')"
        sockets="$(ls -l /proc/$$/fd | grep -c socket:)"
        printf '{"input": %s, "arguments": "%s", "variables": "%s", "sockets": %s, "home": "%s"}' \
            "$(cat)" "$*" "$variables" "$sockets" "$(pwd)$(ls)"
        echo some words >&2"#;
    list(&world, &[("show", show)]);
    let row = run(&world, "show", json!({"file": "a.pdf"})).await;
    assert_eq!(row.state, "succeeded", "{row:?}");
    let output = row.output.unwrap();
    assert_eq!((&output["input"], &output["arguments"]), (&json!({"file": "a.pdf"}), &json!("--fast")));
    assert_eq!(output["variables"], "HOME LANG MODE PATH PWD TMPDIR ", "{output}");
    assert_eq!(output["sockets"], 0, "the worker's connections are its own: {output}");
    assert!(row.log.contains("stderr: some words"), "{}", row.log);
    let home = output["home"].as_str().unwrap();
    assert!(home.ends_with("/work") && !std::path::Path::new(home).exists(), "{home}");
}

#[tokio::test]
async fn what_breaks_a_limit_is_ended_with_its_reason_and_leaves_nothing() {
    let (world, _worker) = World::with_worker().await;
    let mark = world.platform.name.clone();
    let sleep = format!("sleep 1{}", u32::from_str_radix(&mark[mark.len() - 6..], 16).unwrap() + 1_000);
    let forks = format!("for i in $(seq 100); do {sleep} & done; wait");
    let escapes = format!("setsid sh -c 'setsid {sleep} & {sleep}' & {sleep}");
    let detaches = format!("setsid {sleep} >/dev/null 2>&1 & echo '\"done\"'");
    list(
        &world,
        &[
            ("hangs", &*sleep),
            ("forks", &forks),
            ("escapes", &escapes),
            ("detaches", &detaches),
            ("eats", "exec tail /dev/zero"),
            ("prints", "exec yes"),
            ("writes", "truncate -s 60M f1 f2 f3 f4 f5; exec sleep 10"),
            ("fails", "echo no such page >&2; exit 3"),
            ("mumbles", "echo this is no JSON"),
            ("refuses", "echo page 1 >&2; echo The file is encrypted. >&2; exit 65"),
        ],
    );
    for (command, reason) in [
        ("hangs", "it took longer than 3 s"),
        ("forks", "it had more than 64 processes"),
        ("escapes", "it took longer than 3 s"),
        ("prints", "it was ended by signal 25 (a file of more than 64 MiB)"),
        ("writes", "it wrote more than 256 MiB or 10000 files"),
        ("fails", "it ended with exit code 3"),
        ("mumbles", "its output is not JSON"),
        ("refuses", "The file is encrypted."),
        ("rm", "forum 1.0.0 lists no command \"rm\""),
    ] {
        let row = run(&world, command, Value::Null).await;
        let error = row.last_error.as_deref().unwrap_or_default();
        assert!(row.state == "failed" && error.starts_with(reason), "{command}: {row:?}");
    }
    let eaten = run(&world, "eats", Value::Null).await;
    let error = eaten.last_error.unwrap_or_default();
    assert!(error == "it used more than 64 MiB of memory" || error.starts_with("it ended with exit code"), "{error}");
    let detached = run(&world, "detaches", Value::Null).await;
    assert_eq!((detached.state.as_str(), detached.output), ("succeeded", Some(json!("done"))));
    nothing_is_left(&sleep.replace(' ', "\0")).await;
}

/// The kernel kills what it likes when memory is short.
#[tokio::test]
async fn a_command_that_somebody_kills_is_tried_again() {
    let (world, _worker) = World::with_worker().await;
    let mark = world.bundles.0.join("killed");
    let mark = mark.to_str().unwrap();
    list(&world, &[("dies", &format!("test -e {mark} && exit 0; touch {mark}; kill -9 $$"))]);
    let row = run(&world, "dies", Value::Null).await;
    assert_eq!((row.state.as_str(), row.attempts), ("succeeded", 2), "{row:?}");
}

#[tokio::test]
async fn nothing_of_a_command_outlives_its_worker_or_its_cancellation() {
    let world = World::start().await;
    let mark = world.platform.name.clone();
    let sleep = format!("sleep 2{}", u32::from_str_radix(&mark[mark.len() - 6..], 16).unwrap() + 1_000);
    list(&world, &[("hangs", &format!("setsid {sleep} & {sleep}"))]);
    let line = sleep.replace(' ', "\0");
    let started = async || eventually("it runs", async || (processes(&line) == 2).then_some(())).await;
    let mut killed = world.process();
    let order = order(&world, "hangs", Value::Null);
    publish(&world, &order).await;
    started().await;
    killed.kill().await.unwrap();
    nothing_is_left(&line).await;

    let worker = world.worker().await;
    let operator = world.platform.user(world.platform.tenant(), &["worker.writeJobs"]).await;
    // It is taken over.
    started().await;
    let path = format!("/v1/jobs/{}/cancel", order.job_id);
    worker.post(&path, &json!({})).bearer(&operator.token).await.expect(202);
    let row = world.ended(order.job_id).await;
    assert_eq!((row.state.as_str(), row.takeovers), ("cancelled", 1), "{row:?}");
    nothing_is_left(&line).await;
}

#[tokio::test]
async fn a_command_is_for_its_own_products_instances_of_its_own_tenant() {
    let (world, _worker) = World::with_worker().await;
    list(&world, &[("show", "echo 1")]);
    let refused = order(&world, "show", Value::Null);
    let envelope = world.platform.envelope(Some(world.tenant), &refused);
    let of_another = Envelope { source: source_of("pdf"), ..envelope.clone() };
    world.platform.publish_envelope(RunJob::TOPIC, &of_another).await;
    let dead = world.platform.dead_letters("worker", 1).await;
    assert_eq!(dead, ["/services/pdf may not order a job of kind bundle.command"]);
    assert!(world.row(refused.job_id).await.is_none());

    let forged = order(&world, "show", Value::Null);
    let envelope = world.platform.envelope(Some(TenantId(world.id())), &forged);
    let envelope = Envelope { source: source_of("forum"), ..envelope };
    world.platform.publish_envelope(RunJob::TOPIC, &envelope).await;
    let row = world.ended(forged.job_id).await;
    let reason = Some("the instance is not the tenant's whose job it is");
    assert_eq!((row.state.as_str(), row.last_error.as_deref()), ("failed", reason));

    let mut elsewhere = order(&world, "show", Value::Null);
    elsewhere.instance_id = Some(InstanceId(world.id()));
    publish(&world, &elsewhere).await;
    let row = world.ended(elsewhere.job_id).await;
    assert_eq!(row.last_error.as_deref(), Some("configurator knows no such instance"));
}

#[tokio::test]
async fn what_a_command_gave_is_handed_over_once() {
    let (world, _worker) = World::with_worker().await;
    list(&world, &[("count", "echo '{\"pages\": 3}'")]);
    world.bundles.write(
        "migrations/0003_pages.sql",
        "CREATE TABLE pages (job_id uuid, pages integer);
         CREATE FUNCTION take(job uuid, given jsonb) RETURNS void LANGUAGE sql AS
         'INSERT INTO pages VALUES (job, (given ->> ''pages'')::integer)';",
    );
    assert_eq!(world.run(&world.migrate()).await.state, "succeeded");
    let order = order(&world, "count", Value::Null);
    publish(&world, &order).await;
    let row = world.ended(order.job_id).await;
    assert_eq!(row.state, "succeeded", "{row:?}");
    assert!(row.log.contains("handed over to public.take"), "{}", row.log);
    // As if the worker had died between handing over and saying so.
    let again = "UPDATE jobs SET state = 'queued', finished_at = NULL WHERE id = $1";
    sqlx::query(again).bind(order.job_id.0).execute(&world.platform.pool).await.unwrap();
    tokio::time::sleep(Duration::from_millis(10)).await;
    let row = world.ended(order.job_id).await;
    assert_eq!(row.state, "succeeded", "{row:?}");
    assert_eq!(world.instance.number("SELECT sum(pages) FROM pages").await, 3);
}

#[tokio::test]
async fn a_program_beside_the_worker_runs_and_what_is_handed_over_may_be_too_long_to_be_kept() {
    let (world, _worker) = World::with_worker().await;
    let command = "[[commands]]\nname = \"describe\"\nprogram = \"worker\"\narguments = [\"openapi\"]\nseconds = 30\n\
                   memory_mib = 256\nresult = \"public.take\"\n";
    world.bundles.write("manifest.toml", &format!("{MANIFEST}{command}"));
    world.bundles.write(
        "migrations/0003_documents.sql",
        "CREATE TABLE documents (job_id uuid, bytes integer);
         CREATE FUNCTION take(job uuid, given jsonb) RETURNS void LANGUAGE sql AS
         'INSERT INTO documents VALUES (job, length(given::text))';",
    );
    assert_eq!(world.run(&world.migrate()).await.state, "succeeded");
    let row = run(&world, "describe", Value::Null).await;
    assert_eq!((row.state.as_str(), row.output), ("succeeded", None), "{}", row.log);
    assert!(world.instance.number("SELECT sum(bytes) FROM documents").await > 64 * 1024);
}
