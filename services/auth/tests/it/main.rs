//! Tests of auth against real PostgreSQL, Redis and SNS.

mod api_keys;
mod authority;
mod clients;
mod contract;
mod elsewhere;
mod enumeration;
mod idempotency;
mod identity;
mod invitations;
mod inviting;
mod keys;
mod leaked;
mod limits;
mod logins;
mod machines;
mod members;
mod operator;
mod passwords;
mod registrations;
mod return_to;
mod sessions;
mod support;
mod takeover;
mod throttling;
mod walls;
