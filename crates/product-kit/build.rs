//! Rebuilds when a page of a problem changes: they are compiled in.

#![allow(clippy::print_stdout, reason = "it is how cargo is told")]

fn main() {
    println!("cargo:rerun-if-changed=../../openapi/problems");
}
