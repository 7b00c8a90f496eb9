//! Tells cargo which files outside the crate are embedded in it.
#![allow(clippy::print_stdout, reason = "printing is how cargo is told")]
fn main() {
    println!("cargo:rerun-if-changed=../../migrations/mailer");
    println!("cargo:rerun-if-changed=../../openapi/docs/mailer");
    println!("cargo:rerun-if-changed=../../openapi/problems");
    println!("cargo:rerun-if-changed=templates");
}
