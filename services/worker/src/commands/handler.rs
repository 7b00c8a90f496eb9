//! `bundle.command` v1: a command of a bundle, for one instance. Only what the manifest of that version lists is run,
//! and only for an instance that is of that product and of the tenant whose job it is.

use super::{
    handover,
    inputs::Folder,
    runner::{self, Outcome},
    spec::{self, Ended, Spec},
};
use crate::{
    attempt::LARGEST_OUTPUT,
    handlers::{Fault, Handle, Run},
    instances::{access, bundle::Bundle, order},
};
use contracts::{
    jobs::{BundlePart, RunCommand},
    manifest::{Command, LONGEST_COMMAND},
};
use rustix::process::Signal;
use serde_json::Value;
use std::{collections::BTreeMap, path::PathBuf, time::Duration};

/// Exit code of a program that may succeed later (`EX_TEMPFAIL` of sysexits.h).
const TRY_AGAIN: i32 = 75;
/// Exit code of a program that can do nothing with what it was given, now or later (`EX_DATAERR`); the last line that it
/// writes says why, for the product's users.
const REFUSED: i32 = 65;
/// By somebody else; a limit that the supervisor keeps ends otherwise.
const KILLED: Ended = Ended::Signalled(Signal::KILL.as_raw());
/// A program that is killed in its third attempt is not tried again.
const MOST_KILLED: i32 = 3;
/// Bytes of JSON that are handed over to a function of the instance's database.
const LARGEST_RESULT: usize = 8 * 1024 * 1024;
/// What every program has in its environment, besides its home.
const ENVIRONMENT: [(&str, &str); 2] = [("PATH", "/usr/local/bin:/usr/bin:/bin"), ("LANG", "C.UTF-8")];

impl Handle for RunCommand {
    /// The supervisor ends a run before; the rest is for handing over what it gave.
    const LONGEST: Duration = Duration::from_secs(LONGEST_COMMAND as u64 + 600);

    async fn handle(self, run: &Run<'_>) -> Result<Option<Value>, Fault> {
        let instance = order::instance(run.job)?;
        let (service, bundle_version) = (self.service, self.bundle_version);
        let part = BundlePart { service, bundle_version, modules: Vec::new() };
        let bundle = Bundle::open(&run.settings.bundles_dir, &part).await?;
        let BundlePart { service, bundle_version, .. } = part;
        let command = bundle.manifest.commands.iter().find(|command| command.name == self.command);
        let unlisted = || Fault::permanent(format!("{service} {bundle_version} lists no command {:?}", self.command));
        let command = command.ok_or_else(unlisted)?;
        let credentials = access::fetch(run, instance).await?;
        if credentials.service.as_ref().is_some_and(|of| *of != service) {
            return Err(Fault::permanent(format!("the instance is not one of {service}")));
        }
        let spec = spec(run, command, program(run, &bundle, command).await?);
        let _folder = Folder::with(run, &spec.folder, (instance, &credentials), &self.objects).await?;
        let (input, most) = (self.input.to_string(), most(command));
        let outcome = runner::run(&run.settings.supervisor, &spec, input.as_bytes(), most).await;
        let outcome = outcome.map_err(|error| spec::fault("the command's supervisor has failed", &error))?;
        if !outcome.stderr.is_empty() {
            run.log(&format!("stderr: {}", outcome.stderr)).await;
        }
        let length = outcome.stdout.len();
        let output = output(&spec, outcome, most, run.job.attempts)?;
        if let (Some(function), Some(output)) = (&command.result, &output) {
            handover::in_time(handover::hand_over(&credentials, run.job.id, function, output)).await?;
            run.log(&format!("handed over to {function}: {length} bytes")).await;
            // It is the product's now.
            return Ok(None);
        }
        Ok(output)
    }
}

/// Bytes that a program may write: what is handed over need not be kept with the job.
fn most(command: &Command) -> usize {
    if command.result.is_some() { LARGEST_RESULT } else { LARGEST_OUTPUT }
}

/// A path leads into the bundle; a mere name is that of a program beside the worker's own.
async fn program(run: &Run<'_>, bundle: &Bundle, command: &Command) -> Result<PathBuf, Fault> {
    if command.program.contains('/') {
        return Ok(bundle.folder().join(&command.program));
    }
    let own = tokio::fs::canonicalize(&run.settings.supervisor).await;
    let own = own.map_err(|error| Fault::transient(format!("the worker does not find its own program: {error}")))?;
    Ok(own.with_file_name(&command.program))
}

fn spec(run: &Run<'_>, command: &Command, program: PathBuf) -> Spec {
    let folder = run.settings.scratch.join(format!("sevenleague-{}", run.kit.ambient.uuid()));
    let home = Spec::work(&folder).to_string_lossy().into_owned();
    let mut environment: BTreeMap<String, String> = command.env.clone();
    environment.extend(ENVIRONMENT.map(|(name, value)| (name.to_owned(), value.to_owned())));
    environment.extend(["HOME", "TMPDIR"].map(|name| (name.to_owned(), home.clone())));
    Spec {
        program,
        arguments: command.arguments.clone(),
        environment,
        folder,
        seconds: command.seconds.into(),
        memory_mib: command.memory_mib.into(),
    }
}

/// What the program gave: nothing, or JSON.
fn output(spec: &Spec, outcome: Outcome, most: usize, attempt: i32) -> Result<Option<Value>, Fault> {
    match outcome.ended {
        Ended::Exited(0) if outcome.stdout.is_empty() => Ok(None),
        Ended::Exited(0) if outcome.stdout.len() > most => {
            Err(Fault::permanent(format!("its output is larger than {most} bytes")))
        }
        Ended::Exited(0) => serde_json::from_slice(&outcome.stdout)
            .map(Some)
            .map_err(|error| Fault::permanent(format!("its output is not JSON: {error}"))),
        Ended::Exited(TRY_AGAIN) => Err(Fault::transient(format!("it asks for another attempt: {}", outcome.stderr))),
        Ended::Exited(REFUSED) if !outcome.stderr.is_empty() => {
            Err(Fault::permanent(outcome.stderr.lines().next_back().unwrap_or_default()))
        }
        // The kernel does so when the machine's memory is short, whoever has used it; perhaps this one each time.
        ended if ended == KILLED && attempt < MOST_KILLED => Err(Fault::transient(ended.reason(spec))),
        ended @ Ended::NotStartedNow(_) => Err(Fault::away(ended.reason(spec))),
        ended => Err(Fault::permanent(ended.reason(spec))),
    }
}
