//! Does a test leave nothing behind, at once, whatever its service is doing?

mod ending;
