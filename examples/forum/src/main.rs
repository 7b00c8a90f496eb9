//! The binary of the forum.

service_kit::binary!(forum::Forum);
