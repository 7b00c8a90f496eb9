-- Which databases and roles are there? One of each per service, and a role for making those of instances.
-- Run once by the image of PostgreSQL, when its volume is empty; the passwords come from its environment.
\getenv auth_password AUTH_DATABASE_PASSWORD
\getenv permission_password PERMISSION_DATABASE_PASSWORD
\getenv billing_password BILLING_DATABASE_PASSWORD
\getenv configurator_password CONFIGURATOR_DATABASE_PASSWORD
\getenv mailer_password MAILER_DATABASE_PASSWORD
\getenv worker_password WORKER_DATABASE_PASSWORD
\getenv instance_admin_password INSTANCE_ADMIN_PASSWORD

CREATE ROLE auth LOGIN PASSWORD :'auth_password';
CREATE ROLE permission LOGIN PASSWORD :'permission_password';
CREATE ROLE billing LOGIN PASSWORD :'billing_password';
CREATE ROLE configurator LOGIN PASSWORD :'configurator_password';
CREATE ROLE mailer LOGIN PASSWORD :'mailer_password';
CREATE ROLE worker LOGIN PASSWORD :'worker_password';
CREATE ROLE instance_admin LOGIN CREATEDB CREATEROLE PASSWORD :'instance_admin_password';

CREATE DATABASE auth OWNER auth;
CREATE DATABASE permission OWNER permission;
CREATE DATABASE billing OWNER billing;
CREATE DATABASE configurator OWNER configurator;
CREATE DATABASE mailer OWNER mailer;
CREATE DATABASE worker OWNER worker;

-- Whoever is let in by default could read the names of all databases and fill the disk with temporary tables.
REVOKE ALL ON DATABASE auth, permission, billing, configurator, mailer, worker, postgres, template1 FROM PUBLIC;
GRANT CONNECT ON DATABASE postgres TO instance_admin;
