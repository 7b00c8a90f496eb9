//! Tests of what every service is made of, over real sockets and against a real Redis.

mod answers;
mod attacks;
mod browsers;
mod fairness;
mod hosts;
mod http2;
mod redis;
mod service;
mod stopping;
