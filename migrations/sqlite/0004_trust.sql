-- The signed head of the log, the versions of the trust document, and what operators did to releases.
CREATE TABLE log_head (
    id BIGINT NOT NULL,
    tree_size BIGINT NOT NULL,
    root BLOB NOT NULL,
    checkpoint TEXT NOT NULL,
    signed_at BIGINT NOT NULL,
    CONSTRAINT log_head_pk PRIMARY KEY (id)
);

CREATE TABLE trust_documents (
    version BIGINT NOT NULL,
    envelope TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    CONSTRAINT trust_documents_pk PRIMARY KEY (version)
);

ALTER TABLE releases ADD COLUMN quarantined TEXT;
ALTER TABLE releases ADD COLUMN taken_down TEXT;
ALTER TABLE releases ADD COLUMN recalled TEXT;
