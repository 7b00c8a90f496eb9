//! The binary of the auth service.

service_kit::binary!(auth::Auth);
