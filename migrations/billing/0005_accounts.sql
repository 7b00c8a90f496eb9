-- Who an invoice is made out to. An account has no details until its tenant has given them.
CREATE TABLE account_details (
    tenant_id uuid PRIMARY KEY REFERENCES account,
    -- Goes up at each edit, of these or of the account's calendar.
    revision int NOT NULL DEFAULT 1,
    legal_name text NOT NULL CHECK (length(legal_name) BETWEEN 1 AND 200),
    address_lines text[] NOT NULL CHECK (cardinality(address_lines) BETWEEN 1 AND 3),
    postcode text CHECK (length(postcode) BETWEEN 1 AND 20),
    city text NOT NULL CHECK (length(city) BETWEEN 1 AND 100),
    -- ISO 3166-1 alpha-2.
    country text NOT NULL CHECK (country ~ '^[A-Z]{2}$'),
    -- With the prefix of its country, without spaces and dots.
    vat_id text CHECK (vat_id ~ '^[A-Z]{2}[0-9A-Z+*]{2,18}$'),
    -- Where invoices go; the account's where there is none.
    email text CHECK (length(email) BETWEEN 3 AND 254),
    -- The tenant's purchase order, to be named on its invoices.
    order_reference text CHECK (length(order_reference) BETWEEN 1 AND 100),
    updated_at timestamptz NOT NULL,
    -- The principal who edited last.
    updated_by text NOT NULL
);

CALL tenant_wall('account_details');
