//! Does auth do what it says? Against real PostgreSQL, Redis and SNS.

mod clients;
mod contract;
mod gate;
mod invitations;
mod keys;
mod logins;
mod operator;
mod registrations;
mod sessions;
mod support;
mod walls;
