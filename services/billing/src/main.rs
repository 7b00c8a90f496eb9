//! The binary of the billing service.

service_kit::binary!(billing::Billing);
