-- From when on an author key counts, where its life stands in the log, who approved it, and which releases a revocation reaches.
ALTER TABLE author_keys ADD COLUMN counts_from BIGINT;
ALTER TABLE author_keys ADD COLUMN endorsed_by TEXT;
ALTER TABLE author_keys ADD COLUMN enrolled_sequence BIGINT;
ALTER TABLE author_keys ADD COLUMN revoked_from BIGINT;
UPDATE author_keys SET counts_from = enrolled_at;
UPDATE author_keys SET revoked_from = revoked_sequence - 1 WHERE revoked_sequence IS NOT NULL;
UPDATE author_keys SET enrolled_sequence = (
    SELECT MAX(l.sequence)
    FROM log_entries l
    JOIN namespaces n ON l.subject = n.name || '/' || author_keys.key_id
    WHERE n.id = author_keys.namespace_id AND l.kind = 'key-enroll'
);

CREATE TABLE key_approvals (
    author_key_id BIGINT NOT NULL REFERENCES author_keys (id),
    account_id BIGINT NOT NULL REFERENCES accounts (id),
    approved_at BIGINT NOT NULL,
    CONSTRAINT key_approvals_pk PRIMARY KEY (author_key_id, account_id)
);

ALTER TABLE releases ADD COLUMN signer_revoked BIGINT NOT NULL DEFAULT 0;
CREATE INDEX releases_key_id_index ON releases (key_id, sequence);
