//! Logs of a container: can they be read? Asked of a program of ours whose output is no terminal, as in a container.

use crate::environment::binary;
use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
};

#[test]
fn a_log_that_goes_to_no_terminal_has_no_colours() {
    // Nothing listens on that port, which is what it logs.
    let mut command = Command::new(binary("local-aws"));
    command.args(["simulate", "--state"]).arg(std::env::temp_dir().join(format!("logs-{}", std::process::id())));
    command.env_clear().envs([
        ("LOG_FORMAT", "text"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:1"),
        ("AWS_REGION", "eu-central-1"),
        ("AWS_ACCOUNT_ID", "000000000000"),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
    ]);
    let mut program = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(program.stdout.take().unwrap()).read_line(&mut line).unwrap();
    program.kill().unwrap();
    program.wait().unwrap();
    assert!(line.contains("WARN"), "{line:?}");
    assert!(!line.contains('\u{1b}'), "{line:?}");
}
