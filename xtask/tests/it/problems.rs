//! Codes of problems and their pages: does each code that a program answers with have a page, and each page a code?

use crate::files::{checkout, folder, products};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};
use syn::{Expr, ExprCall, ExprStruct, Lit, visit::Visit};

/// What no operation answers with: an address does not take this method.
const OF_NO_OPERATION: [&str; 1] = ["method_not_allowed"];

/// The folders with pages: the platform's and each product's.
fn folders() -> Vec<PathBuf> {
    let own = products().into_iter().map(|product| product.folder.join("openapi/problems"));
    own.chain([checkout().join("openapi/problems")]).filter(|folder| folder.exists()).collect()
}

fn pages() -> BTreeMap<String, String> {
    let files = folders().into_iter().flat_map(|folder| fs::read_dir(folder).unwrap()).map(|file| file.unwrap().path());
    files.map(|path| (name(&path), fs::read_to_string(&path).unwrap())).collect()
}

fn name(path: &Path) -> String {
    path.file_stem().unwrap().to_str().unwrap().to_owned()
}

/// Every value of an `enum` of codes in the documents.
fn documented() -> BTreeSet<String> {
    fn collect(value: &Value, found: &mut BTreeSet<String>) {
        let codes = value.pointer("/properties/code/enum").and_then(Value::as_array).into_iter().flatten();
        found.extend(codes.map(|code| code.as_str().unwrap().to_owned()));
        match value {
            Value::Object(object) => object.values().for_each(|value| collect(value, found)),
            Value::Array(values) => values.iter().for_each(|value| collect(value, found)),
            _ => {}
        }
    }
    let own = products().into_iter().flat_map(|product| folder(product.folder.join("openapi")));
    let mut found = BTreeSet::new();
    own.chain(folder("openapi")).for_each(|(_, document)| collect(&document, &mut found));
    found
}

/// The codes that the code makes problems of; what is not spelled out there comes from elsewhere.
#[derive(Default)]
struct Codes {
    named: BTreeMap<String, String>,
    said: BTreeSet<String>,
    by_name: BTreeSet<String>,
}

const MAKERS: [&str; 8] =
    ["new", "bad_request", "unauthorized", "forbidden", "not_found", "conflict", "gone", "too_many_requests"];

impl Codes {
    fn take(&mut self, code: &Expr) {
        match code {
            Expr::Lit(literal) => self.said.extend(string(&literal.lit)),
            Expr::MethodCall(call) => self.take(&call.receiver),
            Expr::Path(path) => self.by_name.extend(path.path.segments.last().map(|last| last.ident.to_string())),
            _ => {}
        }
    }
}

fn string(literal: &Lit) -> Option<String> {
    if let Lit::Str(text) = literal { Some(text.value()) } else { None }
}

impl<'a> Visit<'a> for Codes {
    fn visit_expr_call(&mut self, call: &'a ExprCall) {
        if let Expr::Path(path) = &*call.func {
            let names: Vec<_> = path.path.segments.iter().rev().map(|segment| segment.ident.to_string()).collect();
            if let [maker, kind, ..] = &names[..]
                && (kind == "Problem" || kind == "Self" && maker != "new")
                && MAKERS.contains(&maker.as_str())
            {
                call.args.iter().nth(usize::from(maker == "new")).into_iter().for_each(|code| self.take(code));
            }
        }
        syn::visit::visit_expr_call(self, call);
    }

    fn visit_expr_struct(&mut self, made: &'a ExprStruct) {
        if made.path.is_ident("Problem") {
            let code =
                made.fields.iter().find(|field| matches!(&field.member, syn::Member::Named(name) if name == "code"));
            code.into_iter().for_each(|field| self.take(&field.expr));
        }
        syn::visit::visit_expr_struct(self, made);
    }

    fn visit_item_const(&mut self, item: &'a syn::ItemConst) {
        if let Expr::Lit(literal) = &*item.expr {
            self.named.extend(string(&literal.lit).map(|text| (item.ident.to_string(), text)));
        }
    }
}

/// The codes in the sources of all programs; tests and what only tests use answer with what they like.
fn said() -> BTreeSet<String> {
    let mut codes = Codes::default();
    for group in ["crates", "services", "examples"] {
        read(&checkout().join(group), &mut codes);
    }
    let named = codes.by_name.iter().filter_map(|name| codes.named.get(name).cloned());
    codes.said.iter().cloned().chain(named).collect()
}

fn read(folder: &Path, codes: &mut Codes) {
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            if !["tests", "test-support"].contains(&name(&path).as_str()) {
                read(&path, codes);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            codes.visit_file(&syn::parse_file(&fs::read_to_string(&path).unwrap()).unwrap());
        }
    }
}

#[test]
fn every_code_has_a_page_and_every_page_a_code() {
    let (pages, said, documented) = (pages(), said(), documented());
    assert!(said.len() > 50, "the sources were not read: {said:?}");
    let missing: Vec<_> = said.union(&documented).filter(|code| !pages.contains_key(*code)).collect();
    assert!(missing.is_empty(), "without a page in openapi/problems: {missing:?}");
    let unused: Vec<_> = pages.keys().filter(|code| !documented.contains(*code) && !is_of_no_operation(code)).collect();
    assert!(unused.is_empty(), "pages whose code no operation names: {unused:?}");
    let undocumented: Vec<_> =
        said.iter().filter(|code| !documented.contains(*code) && !is_of_no_operation(code)).collect();
    assert!(undocumented.is_empty(), "codes that no operation names: {undocumented:?}");
}

fn is_of_no_operation(code: &str) -> bool {
    OF_NO_OPERATION.contains(&code)
}

#[test]
fn a_page_has_a_title_and_two_to_six_sentences() {
    for (code, page) in pages() {
        let (title, text) = page.split_once("\n\n").unwrap_or_else(|| panic!("{code} has no text"));
        assert!(title.starts_with("# ") && !title.contains('\n'), "{code} does not begin with a title");
        let sentences = text.replace('\n', " ").split(". ").count();
        assert!((2..=6).contains(&sentences), "{code} has {sentences} sentences");
    }
}
