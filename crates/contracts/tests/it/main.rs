//! One test binary: what was ever said between services.

mod samples;
