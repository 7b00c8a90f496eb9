//! What do the other services tell us? One file a message type.

mod job_finished;
