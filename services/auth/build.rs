//! Tells cargo which folders outside the crate are compiled into it.

#![expect(clippy::print_stdout, reason = "it is how cargo is told")]

fn main() {
    println!("cargo:rerun-if-changed=../../migrations/auth");
    println!("cargo:rerun-if-changed=../../openapi/docs/auth");
}
