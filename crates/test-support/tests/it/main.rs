//! The end of a test: it leaves nothing behind, at once, whatever its service is doing.

mod ending;
