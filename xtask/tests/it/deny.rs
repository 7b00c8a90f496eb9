//! May everything that is linked be linked? Licences, bans and sources of `deny.toml`, read as cargo-deny reads them
//! (<https://embarkstudios.github.io/cargo-deny/checks/cfg.html>), for every package that cargo resolves. Its advisories need the network.

use serde::Deserialize;
use serde_json::Value;
use std::{collections::BTreeSet, path::Path, process::Command};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rules {
    graph: Graph,
    licenses: Licenses,
    bans: Bans,
    sources: Sources,
    #[serde(rename = "advisories")]
    _advisories: toml::Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Graph {
    targets: Vec<String>,
    all_features: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Licenses {
    allow: Vec<String>,
    exceptions: Vec<Exception>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Exception {
    #[serde(rename = "crate")]
    name: String,
    allow: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Bans {
    multiple_versions: String,
    wildcards: String,
    allow_wildcard_paths: bool,
    deny: Vec<Banned>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Banned {
    #[serde(rename = "crate")]
    name: String,
    reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Sources {
    unknown_registry: String,
    unknown_git: String,
    allow_registry: Vec<String>,
}

fn rules() -> Rules {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../deny.toml")).unwrap();
    toml::from_str(&text).expect("rules that this test knows, so that none is passed over")
}

/// Every package that is linked on `target`, tests and build scripts included.
fn packages(target: &str, all_features: bool) -> Vec<Value> {
    // `metadata` says more of a package, but has also those that only features bring which nobody uses.
    let tree = cargo(&["tree", "--workspace", "--target", target, "--prefix", "none", "--format", "{p}"], all_features);
    let linked: BTreeSet<(&str, &str)> = tree.lines().filter_map(|line| Some((line.split(' ').next()?, line.split(' ').nth(1)?.strip_prefix('v')?))).collect();
    let metadata = cargo(&["metadata", "--format-version", "1", "--filter-platform", target], all_features);
    let mut metadata: Value = serde_json::from_str(&metadata).unwrap();
    let packages = std::mem::take(metadata["packages"].as_array_mut().unwrap());
    packages.into_iter().filter(|package| linked.contains(&(package["name"].as_str().unwrap(), package["version"].as_str().unwrap()))).collect()
}

fn cargo(arguments: &[&str], all_features: bool) -> String {
    let mut command = Command::new(env!("CARGO"));
    command.args(arguments).arg("--locked").args(all_features.then_some("--all-features"));
    let output = command.current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn faults(rules: &Rules, package: &Value) -> Vec<String> {
    let name = package["name"].as_str().unwrap();
    let mut faults = Vec::new();
    faults.extend(rules.bans.deny.iter().filter(|banned| banned.name == name).map(|banned| format!("{name} is banned: {}", banned.reason)));
    let own = rules.licenses.exceptions.iter().filter(|exception| exception.name == name).flat_map(|exception| &exception.allow);
    let allowed: Vec<&str> = rules.licenses.allow.iter().chain(own).map(String::as_str).collect();
    let license = package["license"].as_str().unwrap_or_default();
    if !is_allowed(license, &allowed) {
        faults.push(format!("{name} has the licence '{license}'"));
    }
    let registry = package["source"].as_str().map(|source| source.strip_prefix("registry+").unwrap_or(source));
    if registry.is_some_and(|registry| !rules.sources.allow_registry.iter().any(|allowed| allowed == registry)) {
        faults.push(format!("{name} comes from {}", registry.unwrap_or_default()));
    }
    let wild = package["dependencies"].as_array().unwrap().iter().filter(|dependency| dependency["req"] == "*" && dependency["path"].is_null());
    faults.extend(wild.map(|dependency| format!("{name} takes any version of {}", dependency["name"])));
    faults
}

/// Whether an SPDX expression can be met with these licences. `A/B` is the old way to write `A OR B`.
fn is_allowed(expression: &str, allowed: &[&str]) -> bool {
    let text = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = text.split_whitespace().collect();
    let (met, rest) = any(&words, allowed);
    met && rest.is_empty()
}

fn any<'a, 'b>(words: &'a [&'b str], allowed: &[&str]) -> (bool, &'a [&'b str]) {
    let (mut met, mut rest) = all(words, allowed);
    while let ["OR", more @ ..] = rest {
        let (other, after) = all(more, allowed);
        (met, rest) = (met || other, after);
    }
    (met, rest)
}

fn all<'a, 'b>(words: &'a [&'b str], allowed: &[&str]) -> (bool, &'a [&'b str]) {
    let (mut met, mut rest) = one(words, allowed);
    while let ["AND", more @ ..] = rest {
        let (other, after) = one(more, allowed);
        (met, rest) = (met && other, after);
    }
    (met, rest)
}

fn one<'a, 'b>(words: &'a [&'b str], allowed: &[&str]) -> (bool, &'a [&'b str]) {
    match words {
        ["(", inner @ ..] => match any(inner, allowed) {
            (met, [")", rest @ ..]) => (met, rest),
            (_, rest) => (false, rest),
        },
        [license, "WITH", exception, rest @ ..] => (allowed.contains(&format!("{license} WITH {exception}").as_str()), rest),
        [license, rest @ ..] => (allowed.contains(license), rest),
        [] => (false, words),
    }
}

#[test]
fn everything_that_is_linked_may_be_linked() {
    let rules = rules();
    let Bans { multiple_versions, wildcards, allow_wildcard_paths, .. } = &rules.bans;
    assert_eq!((multiple_versions.as_str(), wildcards.as_str(), *allow_wildcard_paths), ("allow", "deny", true), "what this test checks");
    assert_eq!((rules.sources.unknown_registry.as_str(), rules.sources.unknown_git.as_str()), ("deny", "deny"), "what this test checks");
    for target in &rules.graph.targets {
        let packages = packages(target, rules.graph.all_features);
        assert!(packages.len() > 100, "{target}");
        let found: Vec<String> = packages.iter().flat_map(|package| faults(&rules, package)).collect();
        assert_eq!(found, Vec::<String>::new(), "{target}");
    }
}

#[test]
fn what_may_not_be_linked_is_told() {
    let package = |name: &str, license: &str, source: &str| serde_json::json!({"name": name, "license": license, "source": source, "dependencies": []});
    let registry = "registry+https://github.com/rust-lang/crates.io-index";
    let of = |package: &Value| faults(&rules(), package);
    assert_eq!(of(&package("sound", "MIT OR Apache-2.0", registry)), Vec::<String>::new());
    assert_eq!(of(&package("openssl", "Apache-2.0", registry)), ["openssl is banned: one TLS backend: rustls with aws-lc-rs"]);
    assert_eq!(of(&package("copyleft", "GPL-3.0-only", registry)), ["copyleft has the licence 'GPL-3.0-only'"]);
    assert_eq!(of(&package("nobodys", "", registry)), ["nobodys has the licence ''"]);
    assert_eq!(of(&package("forked", "MIT", "git+https://git.example.com/forked")), ["forked comes from git+https://git.example.com/forked"]);
    let mut wild = package("wild", "MIT", registry);
    wild["dependencies"] = serde_json::json!([{"name": "any", "req": "*"}, {"name": "ours", "req": "*", "path": "/ours"}]);
    assert_eq!(of(&wild), ["wild takes any version of \"any\""]);
}

#[test]
fn expressions_are_met_as_spdx_has_them() {
    let allowed = ["MIT", "Apache-2.0", "ISC"];
    for met in ["MIT", "GPL-2.0 OR MIT", "MIT/GPL-2.0", "MIT AND (GPL-2.0 OR ISC)", "(MIT)", "GPL-2.0 AND MPL-2.0 OR MIT"] {
        assert!(is_allowed(met, &allowed), "{met}");
    }
    for unmet in ["", "GPL-2.0", "MIT AND GPL-2.0", "MIT AND (GPL-2.0 OR MPL-2.0)", "Apache-2.0 WITH LLVM-exception", "(MIT", "MIT ISC", "MIT)"] {
        assert!(!is_allowed(unmet, &allowed), "{unmet}");
    }
}
