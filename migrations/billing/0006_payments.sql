-- Payments: how a tenant pays, what became of each attempt to charge an invoice, what was received, and who is reminded when.

-- The payment method of a tenant, as Stripe knows it; no data of a card.
CREATE TABLE payment_method (
    tenant_id uuid PRIMARY KEY REFERENCES account,
    customer_id text NOT NULL CHECK (customer_id ~ '^cus_[A-Za-z0-9]{1,250}$'),
    method_id text NOT NULL CHECK (method_id ~ '^(pm|card|src|ba)_[A-Za-z0-9]{1,250}$'),
    revision integer NOT NULL DEFAULT 1,
    updated_at timestamptz NOT NULL,
    -- Nobody pays with somebody else's.
    CONSTRAINT payment_method_customer_once UNIQUE (customer_id)
);

-- What becomes of a numbered invoice. Kept for ever.
CREATE TABLE invoice_payment (
    invoice_id uuid PRIMARY KEY REFERENCES invoice,
    tenant_id uuid NOT NULL,
    -- Those of `invoice_status`: numbers are given without gaps, so the highest one here says which invoices are new.
    series text NOT NULL,
    number bigint NOT NULL,
    state text NOT NULL CHECK (state IN ('open', 'paid', 'uncollectible')),
    -- A bank transfer is awaited until then.
    due_at timestamptz NOT NULL,
    -- Numbers of attempts that were given.
    attempts integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    -- Answers to the attempt under way that told no outcome.
    repeats integer NOT NULL DEFAULT 0,
    -- When it is taken up next; also of a settled one, while an attempt is under way.
    next_at timestamptz,
    -- When it became clear that it is not paid in time; reminders count from there.
    dunned_from timestamptz,
    reminders smallint NOT NULL DEFAULT 0 CHECK (reminders >= 0),
    -- When the next reminder is due, or after the last one the invoice is given up.
    remind_at timestamptz,
    -- The account is suspended because of it.
    suspends boolean NOT NULL DEFAULT false,
    settled_at timestamptz,
    CONSTRAINT invoice_payment_number_once UNIQUE (series, number),
    CONSTRAINT invoice_payment_dunned CHECK ((dunned_from IS NULL) = (remind_at IS NULL)),
    CONSTRAINT invoice_payment_next CHECK (state <> 'open' OR next_at IS NOT NULL),
    CONSTRAINT invoice_payment_settled CHECK ((state = 'open') = (settled_at IS NULL))
) WITH (fillfactor = 80);
CREATE INDEX invoice_payment_due ON invoice_payment (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX invoice_payment_unpaid ON invoice_payment (tenant_id) WHERE state <> 'paid';

-- One attempt to charge an invoice, with what it was made with: each repetition says the same. Kept for ever.
CREATE TABLE payment_attempt (
    invoice_id uuid NOT NULL REFERENCES invoice_payment,
    number integer NOT NULL CHECK (number > 0),
    tenant_id uuid NOT NULL,
    customer_id text NOT NULL,
    method_id text NOT NULL,
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    currency text NOT NULL,
    begun_at timestamptz NOT NULL,
    -- Stripe's PaymentIntent, once it is known.
    intent_id text,
    -- Null while it is under way.
    outcome text CHECK (outcome IN ('succeeded', 'declined', 'action_required', 'not_made')),
    -- Why, in Stripe's words.
    code text,
    ended_at timestamptz,
    PRIMARY KEY (invoice_id, number),
    CONSTRAINT payment_attempt_ended CHECK ((outcome IS NULL) = (ended_at IS NULL))
);
CREATE UNIQUE INDEX payment_attempt_one_under_way ON payment_attempt (invoice_id) WHERE outcome IS NULL;

CREATE FUNCTION only_end_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR OLD.outcome IS NOT NULL OR (OLD.intent_id IS NOT NULL AND NEW.intent_id IS DISTINCT FROM OLD.intent_id)
       OR to_jsonb(NEW) - '{intent_id,outcome,code,ended_at}'::text[] <> to_jsonb(OLD) - '{intent_id,outcome,code,ended_at}'::text[] THEN
        RAISE EXCEPTION 'payment_attempt % of invoice % is never changed', OLD.number, OLD.invoice_id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER payment_attempt_immutable BEFORE UPDATE OR DELETE ON payment_attempt FOR EACH ROW EXECUTE FUNCTION only_end_once();

-- Money that was received for an invoice. More than one row is an overpayment, which somebody pays back. Kept for ever.
CREATE TABLE payment (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL,
    invoice_id uuid NOT NULL REFERENCES invoice_payment,
    kind text NOT NULL CHECK (kind IN ('stripe', 'bank_transfer')),
    -- Stripe's PaymentIntent, or what the bank's statement says.
    reference text NOT NULL CHECK (length(reference) BETWEEN 1 AND 255),
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    currency text NOT NULL,
    -- Who says so; null where Stripe does.
    recorded_by text,
    received_at timestamptz NOT NULL,
    CONSTRAINT payment_reference_once UNIQUE (invoice_id, kind, reference)
);
CREATE TRIGGER payment_immutable BEFORE UPDATE OR DELETE ON payment FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- What Stripe has told of attempts, each event once. Those that were looked at are forgotten after 30 days; Stripe repeats one for 3 days.
CREATE TABLE payment_event (
    id text PRIMARY KEY CHECK (length(id) <= 255),
    tenant_id uuid NOT NULL,
    invoice_id uuid NOT NULL REFERENCES invoice_payment,
    intent_id text NOT NULL CHECK (length(intent_id) <= 255),
    kind text NOT NULL,
    received_at timestamptz NOT NULL,
    -- When it is looked at next; null once it was.
    next_at timestamptz,
    tries integer NOT NULL DEFAULT 0
);
CREATE INDEX payment_event_due ON payment_event (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX payment_event_done ON payment_event (received_at) WHERE next_at IS NULL;

-- Whether a tenant is suspended. A row from the first suspension on, kept for ever.
CREATE TABLE account_standing (
    tenant_id uuid PRIMARY KEY REFERENCES account,
    -- Null while it is not.
    suspended_at timestamptz,
    -- Suspensions and resumptions until now.
    generation bigint NOT NULL CHECK (generation > 0)
);

CALL tenant_wall('payment_method');
CALL tenant_wall('invoice_payment');
CALL tenant_wall('payment_attempt');
CALL tenant_wall('payment');
CALL tenant_wall('payment_event');
CALL tenant_wall('account_standing');
