//! product-kit
