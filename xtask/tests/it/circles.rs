//! Circles of modules: there are none in any crate, so each module can be read after those that it uses.

use super::files::checkout;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};
use syn::{UseTree, visit::Visit};

/// A module's place in its crate: `["invoices", "store"]`; the crate's root is empty.
type Module = Vec<String>;

#[test]
fn no_modules_use_each_other_in_a_circle() {
    let circles: Vec<_> = crates().iter().flat_map(|folder| circles(folder)).collect();
    assert!(circles.is_empty(), "move what both need into one of them, or a third:\n{}", circles.join("\n"));
}

#[test]
fn a_circle_is_found() {
    let uses = |names: &[&str]| names.iter().map(|name| vec![(*name).to_owned()]).collect::<BTreeSet<Module>>();
    let graph = BTreeMap::from([
        (vec!["a".to_owned()], uses(&["b"])),
        (vec!["b".to_owned()], uses(&["c"])),
        (vec!["c".to_owned()], uses(&["b"])),
    ]);
    assert_eq!(in_a_circle(&graph), uses(&["b", "c"]).into_iter().collect::<Vec<_>>());
}

fn crates() -> Vec<PathBuf> {
    let root = checkout();
    let groups = ["crates", "crates/access", "services", "examples"].map(|group| root.join(group));
    let nested = groups.iter().flat_map(|group| fs::read_dir(group).unwrap()).map(|entry| entry.unwrap().path());
    nested.chain([root.join("xtask")]).filter(|folder| folder.join("src").is_dir()).collect()
}

/// One line a module that can be reached from itself.
fn circles(folder: &Path) -> Vec<String> {
    let src = folder.join("src");
    let files = modules(&src, &src);
    let graph: BTreeMap<Module, BTreeSet<Module>> =
        files.iter().map(|(module, path)| (module.clone(), used(module, path, &files))).collect();
    let inside: BTreeSet<_> = in_a_circle(&graph).into_iter().collect();
    let name = |module: &Module| module.join("::");
    inside
        .iter()
        .map(|module| {
            let next: Vec<_> = graph[module].intersection(&inside).map(name).collect();
            format!("{}: {} uses {}", folder.file_name().unwrap().display(), name(module), next.join(", "))
        })
        .collect()
}

fn in_a_circle(graph: &BTreeMap<Module, BTreeSet<Module>>) -> Vec<Module> {
    let reaches_itself = |start: &Module| {
        let (mut seen, mut ahead) = (BTreeSet::new(), vec![start]);
        while let Some(module) = ahead.pop() {
            for next in graph.get(module).into_iter().flatten() {
                if next == start {
                    return true;
                }
                if seen.insert(next) {
                    ahead.push(next);
                }
            }
        }
        false
    };
    graph.keys().filter(|module| reaches_itself(module)).cloned().collect()
}

/// Every module below `folder` that has a file of its own, apart from the root and those of tests.
fn modules(src: &Path, folder: &Path) -> BTreeMap<Module, PathBuf> {
    let mut found = BTreeMap::new();
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            found.extend(modules(src, &path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let place = path.strip_prefix(src).unwrap().with_extension("");
            let module: Module = place.iter().map(|part| part.to_str().unwrap().to_owned()).collect();
            if !["lib", "main", "tests"].contains(&module.last().unwrap().as_str()) {
                found.insert(module, path);
            }
        }
    }
    found
}

/// The other modules of the crate that `module` names, outside of its tests. A module and those in its folder are one
/// feature, in which each may use the other.
fn used(module: &Module, path: &Path, modules: &BTreeMap<Module, PathBuf>) -> BTreeSet<Module> {
    let mut names = Names::default();
    names.visit_file(&syn::parse_file(&fs::read_to_string(path).unwrap()).unwrap());
    let targets = names.0.iter().filter_map(|path| {
        let full = match path.first()?.as_str() {
            "crate" => path[1..].to_vec(),
            "super" => {
                let ups = path.iter().take_while(|part| *part == "super").count();
                [&module[..module.len().checked_sub(ups)?], &path[ups..]].concat()
            }
            "self" => [module, &path[1..]].concat(),
            _ => [module, path.as_slice()].concat(),
        };
        (1..=full.len()).rev().map(|length| full[..length].to_vec()).find(|place| modules.contains_key(place))
    });
    targets.filter(|target| !target.starts_with(module) && !module.starts_with(target)).collect()
}

/// Every path that a file names.
#[derive(Default)]
struct Names(Vec<Vec<String>>);

impl Names {
    fn add_tree(&mut self, mut path: Vec<String>, tree: &UseTree) {
        match tree {
            UseTree::Path(part) => {
                path.push(part.ident.to_string());
                self.add_tree(path, &part.tree);
            }
            UseTree::Name(name) => self.0.push([path, vec![name.ident.to_string()]].concat()),
            UseTree::Rename(name) => self.0.push([path, vec![name.ident.to_string()]].concat()),
            UseTree::Glob(_) => self.0.push(path),
            UseTree::Group(group) => group.items.iter().for_each(|item| self.add_tree(path.clone(), item)),
        }
    }
}

impl<'a> Visit<'a> for Names {
    fn visit_item_mod(&mut self, module: &'a syn::ItemMod) {
        if module.ident != "tests" {
            syn::visit::visit_item_mod(self, module);
        }
    }

    fn visit_item_use(&mut self, item: &'a syn::ItemUse) {
        self.add_tree(Vec::new(), &item.tree);
    }

    fn visit_path(&mut self, path: &'a syn::Path) {
        self.0.push(path.segments.iter().map(|part| part.ident.to_string()).collect());
        syn::visit::visit_path(self, path);
    }
}
