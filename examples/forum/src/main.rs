//! The binary of the forum.

service_kit::binary!(product_kit::Run<forum::Forum>);
