//! All services of the platform in one binary: the name by which it is called, mostly that of a link to it, says which
//! one runs.
//!
//! It is what the image holds and what `cargo xtask up` starts. Six binaries would hold most of their code six times,
//! and be linked six times.

use service_kit::cli::run;
use std::{env, path::Path, process::ExitCode};

type Main = fn() -> ExitCode;

/// Each service, by its name in the roster.
const SERVICES: [(&str, Main); 6] = [
    ("auth", run::<auth::Auth>),
    ("billing", run::<billing::Billing>),
    ("configurator", run::<configurator::Configurator>),
    ("mailer", run::<mailer::Mailer>),
    ("permission", run::<permission::Permission>),
    ("worker", run::<worker::Worker>),
];

#[expect(clippy::print_stderr, reason = "no log is running yet")]
fn main() -> ExitCode {
    let called = env::args_os().next().unwrap_or_default();
    let called = Path::new(&called).file_name();
    if let Some((_, run)) = SERVICES.iter().find(|(name, _)| called.is_some_and(|called| called == *name)) {
        return run();
    }
    eprintln!("Call this by the name of a service, such as by a link: {}", SERVICES.map(|(name, _)| name).join(", "));
    ExitCode::from(2)
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_service_of_the_roster_is_in_it() {
        assert_eq!(super::SERVICES.map(|(name, _)| name), contracts::roster::NAMES);
    }
}
