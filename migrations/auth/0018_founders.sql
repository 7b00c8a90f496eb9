-- Who made a tenant: nobody makes them without end. Null where it was made before this, or by the seed.
ALTER TABLE tenants ADD COLUMN founded_by uuid REFERENCES users (id);
CREATE INDEX tenants_of_founder ON tenants (founded_by) WHERE founded_by IS NOT NULL;
