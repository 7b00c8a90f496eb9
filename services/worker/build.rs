//! Tells cargo which files outside the crate are embedded in it.
#![allow(clippy::print_stdout, reason = "printing is how cargo is told")]
fn main() {
    println!("cargo:rerun-if-changed=../../migrations/worker");
    println!("cargo:rerun-if-changed=../../openapi/docs/worker");
    println!("cargo:rerun-if-changed=../../openapi/problems");
}
