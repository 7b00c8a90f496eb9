-- What led to a mail: the step of the trace (W3C Trace Context) in which it was ordered. Processes of the version before write none.
ALTER TABLE mails ADD COLUMN traceparent text;
