//! SQL of the platform's part of an instance's database, the schema `platform`: which files were run, what is to be
//! billed, and which jobs are ordered.
//!
//! The worker makes it, and the product's process takes what was metered and what was ordered from its outboxes.

use crate::manifest::Meter;

/// Made by the owner; may be run again at any time.
///
/// The outbox is filled by the owner's function, so that the product's role needs no right to write there, and can use
/// the function for no trigger of its own.
pub const SCHEMA: &str = "
CREATE SCHEMA IF NOT EXISTS platform;
CREATE TABLE IF NOT EXISTS platform.migrations (name text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE IF NOT EXISTS platform.seeds (name text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE IF NOT EXISTS platform.results (job_id uuid PRIMARY KEY, taken_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE IF NOT EXISTS platform.outbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    meter text NOT NULL,
    key text NOT NULL,
    quantity numeric NOT NULL,
    occurred_at timestamptz NOT NULL
);
CREATE TABLE IF NOT EXISTS platform.orders (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    job_id uuid NOT NULL,
    bundle_version text NOT NULL CHECK (octet_length(bundle_version) <= 64),
    command text NOT NULL CHECK (octet_length(command) <= 64),
    key text NOT NULL CHECK (octet_length(key) BETWEEN 1 AND 120),
    input jsonb NOT NULL CHECK (octet_length(input::text) <= 131072),
    objects jsonb NOT NULL CHECK (octet_length(objects::text) <= 8192),
    priority smallint CHECK (priority BETWEEN 1 AND 9),
    run_after timestamptz,
    traceparent text CHECK (octet_length(traceparent) <= 64),
    ordered_at timestamptz NOT NULL DEFAULT now()
);
CREATE OR REPLACE FUNCTION platform.count_row() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    -- What the owner writes are migrations and seeds, which nobody ordered by using the product.
    IF session_user = current_user THEN RETURN NULL; END IF;
    INSERT INTO platform.outbox (meter, key, quantity, occurred_at)
    VALUES (TG_ARGV[0], TG_ARGV[0] || ':' || NEW.id, 1, now());
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION platform.count_row() FROM PUBLIC;
";

/// Counts one unit of `meter` for each row. The names were checked with the manifest: letters, digits, `-` and `_`
/// only.
pub fn trigger(Meter { name, table, .. }: &Meter) -> String {
    format!(
        r#"CREATE OR REPLACE TRIGGER "platform_meter_{name}" AFTER
           INSERT ON public."{table}" FOR EACH ROW EXECUTE FUNCTION platform.count_row('{name}')"#
    )
}

/// What the product may do; `app_role` is a plain name.
pub fn grants(app_role: &str) -> String {
    format!(
        r#"
GRANT USAGE ON SCHEMA public, platform TO "{app_role}";
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO "{app_role}";
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO "{app_role}";
GRANT SELECT, DELETE ON platform.outbox TO "{app_role}";
GRANT SELECT, INSERT ON platform.results TO "{app_role}";
GRANT SELECT, INSERT, DELETE ON platform.orders TO "{app_role}";
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO "{app_role}";
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO "{app_role}";
"#
    )
}

/// Notes that what job $1 gave is taken; no row if it was before. In one transaction with [`call`], by the product's
/// role.
pub const HAND_OVER: &str = "INSERT INTO platform.results (job_id) VALUES ($1) ON CONFLICT (job_id) DO NOTHING";

/// Hands over what job $1 gave, $2, to a function of the product. The name was checked with the manifest:
/// `schema.function`.
pub fn call(function: &str) -> String {
    let (schema, function) = function.split_once('.').unwrap_or(("public", function));
    format!(r#"SELECT "{schema}"."{function}"($1::uuid, $2::jsonb)"#)
}

/// Whether what job $1 gave is taken.
pub const IS_HANDED_OVER: &str = "SELECT EXISTS (SELECT FROM platform.results WHERE job_id = $1)";

/// Until the transaction ends nobody else tells the product of job $1.
pub const LOCK_JOB: &str = "SELECT pg_advisory_xact_lock(hashtextextended($1::uuid::text, 0))";

/// Tells a function of the product why job $1 has ended without success, $2. The name was checked with the manifest:
/// `schema.function`.
pub fn call_failure(function: &str) -> String {
    let (schema, function) = function.split_once('.').unwrap_or(("public", function));
    format!(r#"SELECT "{schema}"."{function}"($1::uuid, $2::text)"#)
}

/// The next rows of metering: the ids are above $1 and at most $2; at most $3 rows. Of a row whose meter and key have
/// more than 2,048 bytes together, which is more than billing takes, these two are NULL.
pub const TAKE_USAGE: &str = "
    SELECT id, CASE WHEN fits THEN meter END AS meter, CASE WHEN fits THEN key END AS key, quantity, occurred_at,
           now() AS taken_at
      FROM (SELECT *, octet_length(meter) + octet_length(key) <= 2048 AS fits
              FROM platform.outbox WHERE id > $1 AND id <= $2 ORDER BY id LIMIT $3) AS rows
     ORDER BY id";
/// Deletes the rows with the ids $1, which were taken.
pub const CONFIRM_USAGE: &str = "DELETE FROM platform.outbox WHERE id = ANY($1)";

/// Orders jobs of version $1 of the bundle, in the step $2 of a trace: their ids $3, commands $4, keys $5, inputs $6,
/// objects $7, priorities $8, and when they may begin, $9.
pub const ORDER: &str = "
    INSERT INTO platform.orders
           (bundle_version, traceparent, job_id, command, key, input, objects, priority, run_after)
    SELECT $1, $2, * FROM unnest($3::uuid[], $4::text[], $5::text[], $6::jsonb[], $7::jsonb[], $8::smallint[],
                                 $9::timestamptz[])";
/// The next orders: the ids are above $1 and at most $2; at most $3 rows.
pub const TAKE_ORDERS: &str = "
    SELECT *, now() AS taken_at FROM platform.orders WHERE id > $1 AND id <= $2 ORDER BY id LIMIT $3";
/// Deletes the orders with the ids $1, which were taken.
pub const CONFIRM_ORDERS: &str = "DELETE FROM platform.orders WHERE id = ANY($1)";
