//! The binary of the mailer service.

service_kit::binary!(mailer::Mailer);
