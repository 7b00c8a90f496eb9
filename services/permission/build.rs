//! Rebuilds when what is embedded changes.
#![allow(clippy::print_stdout, reason = "it is how cargo is told")]

fn main() {
    println!("cargo:rerun-if-changed=../../migrations/permission");
    println!("cargo:rerun-if-changed=../../openapi/docs/permission");
    println!("cargo:rerun-if-changed=../../openapi/problems");
}
