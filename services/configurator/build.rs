//! Rebuilds when a migration or prose changes: both are compiled in.

#![allow(clippy::print_stdout, reason = "it is how cargo is told")]

fn main() {
    println!("cargo:rerun-if-changed=../../migrations/configurator");
    println!("cargo:rerun-if-changed=../../openapi/docs/configurator");
    println!("cargo:rerun-if-changed=../../openapi/problems");
}
