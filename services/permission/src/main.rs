//! The binary of the permission service.

service_kit::binary!(permission::Permission);
