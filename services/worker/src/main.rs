//! The binary of the worker service.

service_kit::binary!(worker::Worker);
