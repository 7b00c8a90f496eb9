//! Rules for what a container may do: no more than it must.

use crate::files::{items, names};
use serde_json::Value;

/// Variables that are secret wherever they occur.
const SECRET_NAMES: [&str; 4] = ["DATABASE_URL", "REDIS_URL", "INSTANCE_ADMIN_URL", "PLATFORM_CLIENTS"];
const SECRET_ENDINGS: [&str; 4] = ["_SECRET", "_KEY", "_PASSWORD", "_TOKEN"];

pub fn faults(container: &Value) -> Vec<String> {
    let linux = &container["linuxParameters"];
    let mut faults = Vec::new();
    let mut must = |holds: bool, fault: &str| faults.extend((!holds).then(|| fault.to_owned()));
    must(container["user"].as_str().is_some_and(is_not_root), "user must be numeric and not root");
    must(container["readonlyRootFilesystem"] == true, "its root filesystem must be read-only");
    must(
        items(&linux["capabilities"], "drop") == ["ALL"] && linux["capabilities"]["add"].is_null(),
        "it must drop ALL capabilities and add none",
    );
    // An init process is the same user's as the commands, to which the kernel would show its environment.
    let runs_commands = names(container, "mountPoints", "containerPath").contains(&"/tmp");
    let init = linux["initProcessEnabled"] == true;
    must(init || runs_commands, "it needs an init process, which passes signals on");
    must(!init || !runs_commands, "its init process would show its secrets to the commands");
    must(
        names(container, "environment", "name").into_iter().all(|name| !is_secret_name(name)),
        "a secret is in its environment",
    );
    must(
        names(container, "environment", "value").into_iter().all(|value| !has_password(value)),
        "a URL with a password is in its environment",
    );
    faults
}

/// `user` or `user:group`, in numbers: without names the kernel's view is the only one.
fn is_not_root(user: &str) -> bool {
    user.split(':').all(|id| id.parse::<u32>().is_ok_and(|id| id > 0))
}

fn is_secret_name(name: &str) -> bool {
    SECRET_NAMES.contains(&name) || SECRET_ENDINGS.iter().any(|ending| name.ends_with(ending))
}

fn has_password(value: &str) -> bool {
    value
        .split_once("://")
        .is_some_and(|(_, rest)| rest.split('/').next().is_some_and(|authority| authority.contains('@')))
}
