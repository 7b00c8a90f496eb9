-- Documents of invoices: a PDF with an XML in it, each an object in S3 that is named by its SHA-256.

-- What becomes of the document of a numbered invoice. Kept for ever, as the invoice is.
CREATE TABLE invoice_document (
    invoice_id uuid PRIMARY KEY REFERENCES invoice,
    tenant_id uuid NOT NULL,
    -- Those of the invoice: numbers are given without gaps, so the highest one here says which invoices are new.
    series text NOT NULL,
    number bigint NOT NULL,
    -- Refused: it waits for the account's details, or for an operator.
    state text NOT NULL CHECK (state IN ('pending', 'rendered', 'refused')),
    opened_at timestamptz NOT NULL,
    -- When it is taken up next, or taken over from whoever died; null unless it is pending.
    next_at timestamptz,
    -- Tries in a row that ended in a fault, which is nobody's refusal.
    repeats integer NOT NULL DEFAULT 0 CHECK (repeats >= 0),
    -- Renderers in a row that took it up and have died of it, or of something else.
    deaths integer NOT NULL DEFAULT 0 CHECK (deaths >= 0),
    refusal text CHECK (refusal IN ('details_missing', 'invoice_refused', 'not_rendered')),
    -- Why it is refused, or what the last try met.
    reason text CHECK (length(reason) BETWEEN 1 AND 1000),
    rendered_at timestamptz,
    pdf_sha256 bytea CHECK (octet_length(pdf_sha256) = 32),
    pdf_bytes bigint CHECK (pdf_bytes > 0),
    -- Null where the currency has more decimal places than the XML's standard knows.
    xml_sha256 bytea CHECK (octet_length(xml_sha256) = 32),
    xml_bytes bigint CHECK (xml_bytes > 0),
    CONSTRAINT invoice_document_number_once UNIQUE (series, number),
    CONSTRAINT invoice_document_next CHECK ((state = 'pending') = (next_at IS NOT NULL)),
    CONSTRAINT invoice_document_refused CHECK ((state = 'refused') = (refusal IS NOT NULL) AND (refusal IS NULL OR reason IS NOT NULL)),
    CONSTRAINT invoice_document_rendered CHECK (
        (state = 'rendered') = (rendered_at IS NOT NULL) AND (state = 'rendered') = (pdf_sha256 IS NOT NULL)
        AND (pdf_sha256 IS NULL) = (pdf_bytes IS NULL)),
    CONSTRAINT invoice_document_xml CHECK ((xml_sha256 IS NULL) = (xml_bytes IS NULL) AND (xml_sha256 IS NULL OR pdf_sha256 IS NOT NULL))
) WITH (fillfactor = 80);
CREATE INDEX invoice_document_due ON invoice_document (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX invoice_document_unrendered ON invoice_document (invoice_id) WHERE state <> 'rendered';
CREATE INDEX invoice_document_refused_of_tenant ON invoice_document (tenant_id) WHERE state = 'refused';

CREATE FUNCTION only_render_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR OLD.state = 'rendered' THEN
        RAISE EXCEPTION 'the document of invoice % is never changed', OLD.invoice_id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER invoice_document_immutable BEFORE UPDATE OR DELETE ON invoice_document FOR EACH ROW EXECUTE FUNCTION only_render_once();

CALL tenant_wall('invoice_document');
