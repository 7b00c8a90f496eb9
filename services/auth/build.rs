//! Tells cargo which folders outside the crate are compiled into it.

fn main() {
    println!("cargo:rerun-if-changed=../../migrations/auth");
    println!("cargo:rerun-if-changed=../../openapi/docs/auth");
    println!("cargo:rerun-if-changed=../../openapi/problems");
}
