fn main() {
    println!("cargo:rerun-if-changed=../../openapi/docs/forum");
    println!("cargo:rerun-if-changed=templates");
}
