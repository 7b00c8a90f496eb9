//! The binary of the configurator service.

service_kit::binary!(configurator::Configurator);
