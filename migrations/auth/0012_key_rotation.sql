-- Signing keys are rotated. Older processes write neither column nor index, and read the rows as before.

-- Since when the key is in its state; absent means since it was made.
ALTER TABLE signing_keys ADD COLUMN since timestamptz;

COMMENT ON COLUMN signing_keys.sealed_private_key IS
    'PKCS #8, AES-256-GCM under the key encryption key, bound to the kid; nonce first. Empty once the key signs no more.';

CREATE UNIQUE INDEX signing_keys_one_next ON signing_keys (state) WHERE state = 'next';
