//! Tells cargo which files are compiled into the crate.
#![allow(clippy::print_stdout, reason = "printing is how cargo is told")]
fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
