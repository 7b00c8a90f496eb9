//! IAM policies. May each service do exactly what it does on AWS? Its topics and queues come from the topology, its
//! secrets from its task definition.

use crate::files::{self, ACCOUNT, PREFIX, REGION, items};
use contracts::{
    manifest::Manifest,
    messages,
    topology::{QUEUES, Topic},
};
use serde_json::{Value, json};
use std::{collections::BTreeSet, fs};

/// Whose operators see and mend all queues: the platform's own worker, and no product's.
const CONSOLE: &str = "worker";
/// What only that worker takes from: all messages of everybody are in it.
const HISTORY: &str = "worker-history";

/// `action resource` of every statement of a policy.
fn granted(policy: &Value) -> BTreeSet<String> {
    let mut granted = BTreeSet::new();
    for statement in items(policy, "Statement") {
        assert_eq!(statement["Effect"], "Allow");
        for action in items(statement, "Action") {
            for resource in items(statement, "Resource") {
                granted.insert(format!("{} {}", action.as_str().unwrap(), resource.as_str().unwrap()));
            }
        }
    }
    granted
}

fn arn(service: &str, name: &str) -> String {
    format!("arn:aws:{service}:{REGION}:{ACCOUNT}:{name}")
}

/// As whom the task called `name` speaks to the platform: the worker of a product as any worker, a product as all of
/// them.
fn role(name: &str) -> String {
    let program = files::program(&files::served()[name]).to_owned();
    let is_product = files::products().iter().any(|product| product.name == program);
    if is_product { messages::PRODUCTS[0].to_owned() } else { program }
}

fn publishes(service: &str, topic: Topic) -> bool {
    messages::ALL.iter().any(|message| message.topic == topic && message.publishers.contains(&service))
}

/// A product orders commands of its own bundle, so one without commands orders nothing.
fn orders_nothing(name: &str) -> bool {
    let products = files::products();
    let Some(product) = products.iter().find(|product| product.name == name) else { return false };
    let manifest = fs::read_to_string(product.newest_bundle().unwrap().join("manifest.toml")).unwrap();
    Manifest::parse(&manifest).unwrap().commands.is_empty()
}

/// A queue belongs to the service that its name begins with.
fn takes(service: &str, queue: &str) -> bool {
    queue.strip_prefix(service).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

/// What the task called `name` does as `service`.
fn needed_by_task(name: &str, service: &str) -> BTreeSet<String> {
    let mut needed = BTreeSet::new();
    for topic in Topic::ALL.into_iter().filter(|topic| publishes(service, *topic)) {
        needed.insert(format!("sns:Publish {}", arn("sns", &format!("{PREFIX}-{}", topic.name()))));
    }
    let own = |queue: &str| takes(service, queue) && (queue != HISTORY || name == CONSOLE);
    for queue in QUEUES.iter().filter(|queue| own(queue.name)) {
        let (live, dead) =
            (arn("sqs", &format!("{PREFIX}-{}", queue.name)), arn("sqs", &format!("{PREFIX}-{}-dead", queue.name)));
        needed.extend(
            [
                "GetQueueUrl",
                "ListQueueTags",
                "ReceiveMessage",
                "ChangeMessageVisibility",
                "DeleteMessage",
                "SendMessage",
            ]
            .map(|action| format!("sqs:{action} {live}")),
        );
        needed.extend(["GetQueueUrl", "SendMessage"].map(|action| format!("sqs:{action} {dead}")));
    }
    if service == "mailer" {
        needed.extend(
            ["identity/example.com".into(), format!("configuration-set/{PREFIX}")]
                .map(|name| format!("ses:SendEmail {}", arn("ses", &name))),
        );
    }
    // While a long job runs, nobody ends its task, in whichever cluster that is.
    if service == "worker" {
        needed.insert(format!("ecs:UpdateTaskProtection {}", arn("ecs", "task/*")));
    }
    needed
}

/// A product and its worker have the objects below the product's name, in the bucket that their settings name. Who may
/// list a bucket hears that an object is gone; others hear that they may not read it.
fn needed_for_objects(name: &str) -> Vec<String> {
    let container = &files::served()[name];
    let bucket = items(container, "environment").iter().find(|variable| variable["name"] == "OBJECTS_BUCKET");
    let Some(bucket) = bucket.map(|variable| variable["value"].as_str().unwrap()) else { return Vec::new() };
    let product = name.strip_suffix("-worker").unwrap_or(name);
    assert_eq!(bucket, files::bucket(product), "ecs/bucket.json makes it");
    let objects = |action: &str| format!("s3:{action} arn:aws:s3:::{bucket}/{product}/*");
    if product == name {
        vec![objects("PutObject"), objects("DeleteObject")]
    } else {
        vec![objects("GetObject"), format!("s3:ListBucket arn:aws:s3:::{bucket}")]
    }
}

/// Billing writes documents of invoices, and signs URLs by which browsers read them; nobody deletes one.
fn needed_for_documents(name: &str) -> Vec<String> {
    let container = &files::served()[name];
    let bucket = items(container, "environment").iter().find(|variable| variable["name"] == "DOCUMENTS_BUCKET");
    let Some(bucket) = bucket.map(|variable| variable["value"].as_str().unwrap()) else { return Vec::new() };
    assert_eq!(bucket, files::bucket(name), "ecs/bucket.json makes it");
    ["PutObject", "GetObject"].map(|action| format!("s3:{action} arn:aws:s3:::{bucket}/invoices/*")).into()
}

/// What operators see and mend all queues with, through the platform's own worker.
fn needed_by_console() -> impl Iterator<Item = String> {
    const ACTIONS: [&str; 9] = [
        "GetQueueUrl",
        "GetQueueAttributes",
        "ListQueueTags",
        "TagQueue",
        "UntagQueue",
        "ReceiveMessage",
        "ChangeMessageVisibility",
        "DeleteMessage",
        "SendMessage",
    ];
    let queues = QUEUES.iter().flat_map(|queue| ["", "-dead"].map(|end| format!("{PREFIX}-{}{end}", queue.name)));
    queues.flat_map(|queue| ACTIONS.map(|action| format!("sqs:{action} {}", arn("sqs", &queue))))
}

fn needed_to_start(name: &str) -> BTreeSet<String> {
    let definition = files::task_definition(name);
    let mut needed = BTreeSet::from(["ecr:GetAuthorizationToken *".to_owned()]);
    let pull = ["BatchCheckLayerAvailability", "GetDownloadUrlForLayer", "BatchGetImage"];
    for container in items(&definition, "containerDefinitions") {
        let image = container["image"].as_str().unwrap().rsplit('/').next().unwrap().split(':').next().unwrap();
        needed.extend(pull.map(|action| format!("ecr:{action} {}", arn("ecr", &format!("repository/{image}")))));
        let group = container["logConfiguration"]["options"]["awslogs-group"].as_str().unwrap();
        needed.extend(
            ["CreateLogStream", "PutLogEvents"]
                .map(|action| format!("logs:{action} {}", arn("logs", &format!("log-group:{group}:*")))),
        );
        for secret in files::names(container, "secrets", "valueFrom") {
            let secret: Vec<_> = secret.split(':').take(7).collect();
            // Secrets Manager adds a hyphen and six characters to each name.
            needed.insert(format!("secretsmanager:GetSecretValue {}-??????", secret.join(":")));
        }
    }
    needed
}

#[test]
fn a_service_may_do_what_it_does_and_nothing_else() {
    let policies = files::policies("task");
    let served = files::served();
    assert_eq!(
        policies.keys().collect::<Vec<_>>(),
        served.keys().filter(|name| !needed_by_task(name, &role(name)).is_empty()).collect::<Vec<_>>()
    );
    for (service, policy) in policies {
        let mut needed = needed_by_task(&service, &role(&service));
        if orders_nothing(&service) {
            needed.retain(|right| !right.ends_with(Topic::WorkerCommands.name()));
        }
        needed.extend(needed_for_objects(&service));
        needed.extend(needed_for_documents(&service));
        if service == CONSOLE {
            needed.extend(needed_by_console());
        }
        assert_eq!(granted(&policy), needed, "ecs/policies/task/{service}.json");
        let role = format!("arn:aws:iam::{ACCOUNT}:role/{PREFIX}-{service}");
        assert_eq!(files::task_definition(&service)["taskRoleArn"], json!(role), "each service has its own role");
    }
}

#[test]
fn a_task_is_started_with_its_own_image_log_and_secrets() {
    let policies = files::policies("execution");
    assert_eq!(policies.keys().collect::<Vec<_>>(), files::task_definitions().keys().collect::<Vec<_>>());
    for (name, policy) in policies {
        assert_eq!(granted(&policy), needed_to_start(&name), "ecs/policies/execution/{name}.json");
        let role = format!("arn:aws:iam::{ACCOUNT}:role/{PREFIX}-{name}-execution");
        assert_eq!(files::task_definition(&name)["executionRoleArn"], json!(role), "each task has its own role");
    }
}

#[test]
fn every_queue_is_taken_from_by_one_service() {
    for queue in QUEUES {
        assert_eq!(files::SERVICES.iter().filter(|service| takes(service, queue.name)).count(), 1, "{}", queue.name);
    }
}

#[test]
fn a_right_too_many_is_noticed() {
    let mut policy = files::policies("task").remove("billing").unwrap();
    policy["Statement"][0]["Resource"]
        .as_array_mut()
        .unwrap()
        .push(json!(arn("sns", &format!("{PREFIX}-auth-events"))));
    assert_ne!(granted(&policy), needed_by_task("billing", "billing"));
}
