//! configurator
