//! Does what every service is made of keep its promises? Over real sockets, against a real Redis.

mod attacks;
mod browsers;
mod fairness;
mod hosts;
mod http2;
mod redis;
mod service;
mod stopping;
