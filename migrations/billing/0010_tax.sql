-- VAT: by which rates invoices are taxed, and how each was taxed.

-- A country's rate for a group of supplies, by law. It holds from its date until that of the next one of the same country and group. Kept for ever.
CREATE TABLE tax_rate (
    id uuid PRIMARY KEY,
    -- ISO 3166-1 alpha-2.
    country text NOT NULL CHECK (country ~ '^[A-Z]{2}$'),
    tax_group text NOT NULL CHECK (tax_group ~ '^[a-z][a-z0-9-]{0,39}$'),
    percent numeric NOT NULL CHECK (percent BETWEEN 0 AND 100 AND scale(trim_scale(percent)) <= 4),
    valid_from date NOT NULL,
    created_at timestamptz NOT NULL,
    created_by text NOT NULL,
    -- Before it began: it never holds.
    revoked_at timestamptz,
    revoked_by text,
    CONSTRAINT tax_rate_revoked CHECK ((revoked_at IS NULL) = (revoked_by IS NULL))
);
CREATE UNIQUE INDEX tax_rate_once ON tax_rate (country, tax_group, valid_from) WHERE revoked_at IS NULL;

CREATE FUNCTION only_revoke_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR OLD.revoked_at IS NOT NULL
        OR to_jsonb(NEW) - '{revoked_at,revoked_by}'::text[] <> to_jsonb(OLD) - '{revoked_at,revoked_by}'::text[] THEN
        RAISE EXCEPTION 'tax_rate % is never changed', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER tax_rate_immutable BEFORE UPDATE OR DELETE ON tax_rate FOR EACH ROW EXECUTE FUNCTION only_revoke_once();

-- What an invoice has of one category and rate: rounded once. Written before the invoice, in the same transaction; never changed. None where the seller charges
-- no VAT.
CREATE TABLE invoice_tax (
    invoice_id uuid NOT NULL REFERENCES invoice DEFERRABLE INITIALLY DEFERRED,
    tenant_id uuid NOT NULL,
    position smallint NOT NULL CHECK (position > 0),
    -- UNTDID 5305: standard, zero rated, reverse charge, not subject.
    category text NOT NULL CHECK (category IN ('S', 'Z', 'AE', 'O')),
    -- Where the supply takes place.
    country text NOT NULL CHECK (country ~ '^[A-Z]{2}$'),
    percent numeric NOT NULL CHECK (percent BETWEEN 0 AND 100),
    taxable_minor bigint NOT NULL,
    tax_minor bigint NOT NULL,
    -- Why there is no tax.
    reason text,
    -- Who owes it, by a reverse charge.
    buyer_vat_id text,
    -- Of which groups and periods it is, by which rates, and what each of them has of the tax.
    parts jsonb NOT NULL,
    PRIMARY KEY (invoice_id, category, percent),
    -- Half away from zero. A product is exact; a quotient may be rounded before.
    CONSTRAINT invoice_tax_rounded_once CHECK (tax_minor = round(taxable_minor * percent * 0.01)),
    CONSTRAINT invoice_tax_percent CHECK ((category = 'S') = (percent > 0)),
    CONSTRAINT invoice_tax_reason CHECK ((category IN ('AE', 'O')) = (reason IS NOT NULL)),
    CONSTRAINT invoice_tax_buyer CHECK ((category = 'AE') = (buyer_vat_id IS NOT NULL))
);
CREATE TRIGGER invoice_tax_of_draft BEFORE INSERT ON invoice_tax FOR EACH ROW EXECUTE FUNCTION refuse_line_of_finalized();
CREATE TRIGGER invoice_tax_immutable BEFORE UPDATE OR DELETE ON invoice_tax FOR EACH ROW EXECUTE FUNCTION refuse_change();

CALL tenant_wall('invoice_tax');
