//! Files of the deployment. Is what is deployed what ECS accepts, and what the services need?

mod bodies;
mod bucket;
mod circles;
mod docker;
mod ecs;
mod emulator;
mod environment;
mod failing;
mod files;
mod internal;
mod logs;
mod permissions;
mod policies;
mod problems;
mod redis;
mod roster;
