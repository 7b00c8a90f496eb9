//! Bodies of answers: is what is empty left out, as the documents say? They call such a property optional, never null.

use crate::files::checkout;
use std::{fs, path::Path};
use syn::{Attribute, Field, ItemStruct, Meta, Type, visit::Visit};

#[derive(Default)]
struct Nulls {
    bodies: usize,
    found: Vec<String>,
}

/// The attributes of that name, as they are written, also those that only some features have.
fn written(attributes: &[Attribute], name: &str) -> String {
    let lists = attributes.iter().filter_map(|attribute| match &attribute.meta {
        Meta::List(list) if list.path.is_ident(name) || list.path.is_ident("cfg_attr") => Some(list.tokens.to_string()),
        _ => None,
    });
    lists.collect()
}

fn is_optional(field: &Field) -> bool {
    matches!(&field.ty, Type::Path(path) if path.path.segments.last().is_some_and(|last| last.ident == "Option"))
}

impl<'a> Visit<'a> for Nulls {
    fn visit_item_struct(&mut self, item: &'a ItemStruct) {
        let derived = written(&item.attrs, "derive");
        if !derived.contains("ToSchema") || !derived.split([',', ' ', '(', ')']).any(|trait_| trait_ == "Serialize") {
            return;
        }
        self.bodies += 1;
        for field in item.fields.iter().filter(|field| is_optional(field)) {
            if !written(&field.attrs, "serde").split([',', ' ']).any(|word| word.starts_with("skip")) {
                let name = field.ident.as_ref().map(ToString::to_string).unwrap_or_default();
                self.found.push(format!("{}.{name}", item.ident));
            }
        }
    }
}

fn read(folder: &Path, nulls: &mut Nulls) {
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            read(&path, nulls);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            nulls.visit_file(&syn::parse_file(&fs::read_to_string(&path).unwrap()).unwrap());
        }
    }
}

#[test]
fn no_answer_says_null() {
    let mut nulls = Nulls::default();
    for group in ["crates", "services", "examples"] {
        read(&checkout().join(group), &mut nulls);
    }
    assert!(nulls.bodies > 50, "the sources were not read: {}", nulls.bodies);
    assert!(nulls.found.is_empty(), "needs skip_serializing_if = \"Option::is_none\": {:?}", nulls.found);
}
