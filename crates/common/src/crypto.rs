//! The one cryptography backend: aws-lc-rs, for tokens and TLS alike.

/// Installs the one cryptography backend; call it first in `main`.
pub fn install() {
    // A second call finds it installed, which is as good.
    let _ = jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default();
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}
