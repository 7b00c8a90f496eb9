//! The PDF product as its users meet it. The worker's part is played; its command is the real one.

mod browser;
mod command;
mod contract;
mod crowd;
mod extractions;
mod files;
mod samples;
mod support;
mod views;
