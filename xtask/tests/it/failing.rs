//! A start that fails says why: a service that refuses its environment is started on a stack of its own.

use crate::environment::binary;
use local_stack::{
    Options,
    processes::{Layer, Spec},
};
use std::{collections::BTreeMap, fs};

#[tokio::test]
async fn what_a_service_said_stands_first_and_its_log_outlives_the_stack() {
    let data = std::env::temp_dir().join(format!("xtask-failing-{}", std::process::id()));
    let spec = Spec {
        // However many frames it shows.
        env: BTreeMap::from([("RUST_BACKTRACE".into(), "full".into())]),
        ..Spec::new("mailer", Layer::Service, binary("mailer"), vec!["serve".into()])
    };
    let options = Options::private("failing", &[]);
    let outcome = local_stack::with(Some(data.clone()), options, async |stack| stack.processes.run(&spec).await).await;
    let kept = fs::read_to_string(data.join("logs/failing/mailer.log")).unwrap();
    fs::remove_dir_all(data).unwrap();

    let told = format!("{:#}", outcome.unwrap_err());
    let mut lines = told.lines();
    assert_eq!(lines.next(), Some("mailer failed (exit status: 2); the end of its log:"));
    assert_eq!(lines.next().map(str::trim), kept.lines().next());
    assert!(told.contains("DATABASE_URL is missing") && kept.contains("DATABASE_URL is missing"), "{told}");
}
