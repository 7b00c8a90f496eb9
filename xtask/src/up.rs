//! `cargo xtask up`: the whole platform, and what a developer is told of it.

use anyhow::Result;
use local_stack::{
    Options, Preference,
    node::Node,
    state::{self, State},
    tools::Need,
};
use std::{path::PathBuf, process::ExitCode, time::Instant};

/// Long enough that the printed token serves a working day; in production it is ten minutes.
const ACCESS_TOKEN_SECONDS: u32 = 12 * 60 * 60;

pub async fn run(data: Option<PathBuf>) -> Result<ExitCode> {
    let needs = vec![Need::Postgres, Need::Redis, Need::Python];
    let options = Options {
        name: local_stack::UP.into(),
        ports: Preference::Documented,
        durable: true,
        access_token_seconds: ACCESS_TOKEN_SECONDS,
        redis_pair: false,
        gated: false,
        frontend: true,
        needs,
    };
    let began = Instant::now();
    let outcome = local_stack::with(data, options, async |stack| {
        let mut state = stack.start().await?;
        print(&state, began);
        stack.supervise(&mut state).await
    });
    match outcome.await? {
        Some(never) => match never {},
        None => println!("\nstopped; the data stay for the next time"),
    }
    Ok(ExitCode::SUCCESS)
}

fn print(state: &State, began: Instant) {
    println!("\nready after {:.1} s\n", began.elapsed().as_secs_f32());
    println!("  {:<14} {:<24} {:<29} health, metrics", "service", "URL", "Swagger UI");
    for (name, service) in &state.services {
        println!("  {name:<14} {:<24} {:<29} {}", service.url, format!("{}/docs", service.url), service.ops_url);
    }
    println!("\n  all of them    {}/docs (Swagger UI with every service in its selector)", state.services["auth"].url);
    match &state.frontend {
        Some(url) => println!("  example page   {url} (examples/frontend; sign in as the operator)"),
        None => println!("  example page   not served: {}", Node::advice()),
    }
    let aws = &state.aws["AWS_ENDPOINT_URL"];
    println!("\n  ministack      {aws} (sent mail: {aws}/_ministack/ses/messages)");
    println!("  PostgreSQL     {}", state.postgres_url);
    println!("  Redis          {}", state.redis_url);
    println!("\n  operator       {}", state.operator.email);
    println!("  password       {}", state.operator.password);
    println!("  bearer token   {}", state.operator.access_token);
    println!(
        "                 (valid for {} hours on this machine only; in production tokens live ten minutes)",
        ACCESS_TOKEN_SECONDS / 3600
    );
    println!("\n  logs           {}", state.folder.join("logs").display());
    println!("  all of this    {}", state::file(&state.folder).display());
    println!("\nCtrl-C stops everything.");
}
