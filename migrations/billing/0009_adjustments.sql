-- What is taken off what usage costs, or added to it: discounts, minimum spends and credits, and what each did to which invoice.

-- Whoever knows its code may have its discount, once a tenant.
CREATE TABLE coupon (
    id uuid PRIMARY KEY,
    code text NOT NULL UNIQUE CHECK (code ~ '^[A-Z0-9-]{8,40}$'),
    title text NOT NULL,
    service text,
    percent numeric,
    amount_minor bigint,
    currency text,
    cycles integer,
    redeem_until timestamptz,
    most_redemptions integer CHECK (most_redemptions > 0),
    redemptions integer NOT NULL DEFAULT 0 CHECK (redemptions <= coalesce(most_redemptions, redemptions)),
    created_by text NOT NULL,
    created_at timestamptz NOT NULL
);

-- Less than usage costs, for the cycles that end after `begin_at` and not after `end_at`, and at most for `cycles` of them.
CREATE TABLE discount (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES account,
    title text NOT NULL,
    -- Of this service only; null for all.
    service text,
    percent numeric CHECK (percent > 0 AND percent <= 100),
    -- At most so much a cycle.
    amount_minor bigint CHECK (amount_minor > 0),
    currency text,
    begin_at timestamptz NOT NULL,
    end_at timestamptz,
    cycles integer CHECK (cycles > 0),
    coupon_id uuid REFERENCES coupon,
    granted_by text NOT NULL,
    CONSTRAINT discount_reduction CHECK ((percent IS NULL) <> (amount_minor IS NULL)),
    CONSTRAINT discount_currency CHECK ((amount_minor IS NULL) = (currency IS NULL)),
    CONSTRAINT discount_once_a_coupon UNIQUE (tenant_id, coupon_id)
);
CREATE INDEX discount_of_tenant ON discount (tenant_id, id);

-- What a cycle costs at least; of those that end after `begin_at` and not after `end_at`.
CREATE TABLE minimum_spend (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES account,
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    currency text NOT NULL,
    begin_at timestamptz NOT NULL,
    end_at timestamptz CHECK (end_at > begin_at),
    agreed_by text NOT NULL
);
CREATE INDEX minimum_spend_of_tenant ON minimum_spend (tenant_id, begin_at);

-- Money that the tenant has with us. What is left of it is its amount and the credits of invoices together.
CREATE TABLE credit (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES account,
    title text NOT NULL,
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    currency text NOT NULL,
    -- It pays for cycles that end no later.
    expires_at timestamptz,
    revoked_at timestamptz,
    -- Null where an invoice that came to less than nothing left it.
    granted_by text,
    granted_at timestamptz NOT NULL
);
CREATE INDEX credit_of_tenant ON credit (tenant_id, id);

-- What a discount, a minimum spend or a credit did to an invoice. Never changed.
CREATE TABLE invoice_adjustment (
    id uuid PRIMARY KEY,
    invoice_id uuid NOT NULL REFERENCES invoice DEFERRABLE INITIALLY DEFERRED,
    tenant_id uuid NOT NULL,
    -- From 0 on, in the order in which they are made.
    position smallint NOT NULL CHECK (position >= 0),
    kind text NOT NULL CHECK (kind IN ('discount', 'minimum_spend', 'credit', 'carry_forward')),
    -- The discount, the minimum spend, or the credit that was used or left.
    source_id uuid NOT NULL,
    title text NOT NULL,
    period_start timestamptz NOT NULL,
    period_end timestamptz NOT NULL,
    -- Of the usage that it belongs to; null of credits, which change nothing about what is taxed.
    tax_group text,
    -- What the tax group has of the period, or the invoice, before this.
    base_minor bigint NOT NULL,
    -- What earlier invoices took off or added for the period and the tax group.
    before_minor bigint NOT NULL,
    amount_minor bigint NOT NULL CHECK (amount_minor <> 0),
    CONSTRAINT invoice_adjustment_taxed CHECK ((tax_group IS NULL) = (kind IN ('credit', 'carry_forward'))),
    CONSTRAINT invoice_adjustment_position UNIQUE (invoice_id, position)
);
CREATE INDEX invoice_adjustment_of_source ON invoice_adjustment (tenant_id, source_id);
CREATE TRIGGER invoice_adjustment_of_draft BEFORE INSERT ON invoice_adjustment FOR EACH ROW EXECUTE FUNCTION refuse_line_of_finalized();
CREATE TRIGGER invoice_adjustment_immutable BEFORE UPDATE OR DELETE ON invoice_adjustment FOR EACH ROW EXECUTE FUNCTION refuse_change();

CALL tenant_wall('discount');
CALL tenant_wall('minimum_spend');
CALL tenant_wall('credit');
CALL tenant_wall('invoice_adjustment');
