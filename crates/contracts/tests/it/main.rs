//! One test binary: what the documentation says about the contracts.

mod architecture;
mod samples;
