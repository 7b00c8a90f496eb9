//! Which messages does the worker take? Orders to run a job.

mod run_job;
