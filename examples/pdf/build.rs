fn main() {
    println!("cargo:rerun-if-changed=openapi/docs");
    println!("cargo:rerun-if-changed=openapi/problems");
    println!("cargo:rerun-if-changed=templates");
}
