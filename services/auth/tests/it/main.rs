//! Tests of auth against real PostgreSQL, Redis and SNS.

mod api_keys;
mod authenticator;
mod authority;
mod clients;
mod contract;
mod elsewhere;
mod idempotency;
mod identity;
mod invitations;
mod inviting;
mod keys;
mod limits;
mod logins;
mod machines;
mod members;
mod operator;
mod passwords;
mod recovery_codes;
mod registrations;
mod return_to;
mod sessions;
mod step_up;
mod support;
mod takeover;
mod totp;
mod walls;
