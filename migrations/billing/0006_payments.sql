-- Payments: how a tenant pays, what became of each attempt to charge an invoice, what was received, and who is reminded when.

-- The account at Stripe in which our customers are, from the first call on: one row. With a key of another account none of them would be found.
CREATE TABLE payment_account (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    account_id text NOT NULL CHECK (length(account_id) BETWEEN 1 AND 255),
    -- Whether it is live mode; test mode has customers of its own.
    live boolean NOT NULL
);

-- How a tenant is charged, in Stripe's names: its customer, which we have made, and its payment method; no data of a card. Kept for ever.
CREATE TABLE payment_method (
    tenant_id uuid PRIMARY KEY REFERENCES account,
    customer_id text NOT NULL CHECK (customer_id ~ '^cus_[A-Za-z0-9]{1,250}$'),
    -- Customers that the tenant has had until now: one that Stripe has no more is replaced.
    customers integer NOT NULL CHECK (customers > 0),
    -- Null until one is set, and once it is removed.
    method_id text CHECK (method_id ~ '^(pm|card|src|ba)_[A-Za-z0-9]{1,250}$'),
    -- Goes up with every edit.
    revision integer NOT NULL DEFAULT 0,
    updated_at timestamptz NOT NULL,
    -- Nobody pays with somebody else's.
    CONSTRAINT payment_method_customer_once UNIQUE (customer_id)
);

-- Payment methods that were removed here, and not at Stripe yet. A row goes when Stripe has detached it, or after 30 days.
CREATE TABLE payment_method_detachment (
    method_id text PRIMARY KEY,
    tenant_id uuid NOT NULL,
    removed_at timestamptz NOT NULL,
    -- When Stripe is asked next.
    next_at timestamptz NOT NULL,
    tries integer NOT NULL DEFAULT 0
);
CREATE INDEX payment_method_detachment_due ON payment_method_detachment (next_at);

-- What becomes of a numbered invoice. Kept for ever.
CREATE TABLE invoice_payment (
    invoice_id uuid PRIMARY KEY REFERENCES invoice,
    tenant_id uuid NOT NULL,
    -- Those of `invoice_status`.
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
    outcome text CHECK (outcome IN ('succeeded', 'declined', 'action_required', 'not_chargeable', 'canceled', 'not_made')),
    -- Why, in Stripe's words.
    code text,
    ended_at timestamptz,
    -- The operator who has had it canceled.
    canceled_by text,
    -- Since when the PaymentIntent of a failed attempt takes no money any more, whoever confirms it.
    intent_closed_at timestamptz,
    PRIMARY KEY (invoice_id, number),
    CONSTRAINT payment_attempt_ended CHECK ((outcome IS NULL) = (ended_at IS NULL))
);
CREATE UNIQUE INDEX payment_attempt_one_under_way ON payment_attempt (invoice_id) WHERE outcome IS NULL;

CREATE FUNCTION only_end_once() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    may_change text[] := CASE WHEN OLD.outcome IS NULL
        THEN '{intent_id,outcome,code,ended_at,canceled_by,intent_closed_at}' ELSE '{intent_closed_at}' END;
BEGIN
    IF TG_OP = 'DELETE' OR (OLD.intent_id IS NOT NULL AND NEW.intent_id IS DISTINCT FROM OLD.intent_id)
       OR (OLD.intent_closed_at IS NOT NULL AND NEW.intent_closed_at IS DISTINCT FROM OLD.intent_closed_at)
       OR to_jsonb(NEW) - may_change <> to_jsonb(OLD) - may_change THEN
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
    generation bigint NOT NULL CHECK (generation > 0),
    -- When it was suspended or resumed last, and when that was last said.
    changed_at timestamptz NOT NULL,
    said_at timestamptz NOT NULL
);
CREATE INDEX account_standing_said ON account_standing (said_at);

CALL tenant_wall('payment_method');
CALL tenant_wall('payment_method_detachment');
CALL tenant_wall('invoice_payment');
CALL tenant_wall('payment_attempt');
CALL tenant_wall('payment');
CALL tenant_wall('payment_event');
CALL tenant_wall('account_standing');
