-- Accounts, tokens, namespaces and author keys: who may do what.
CREATE TABLE accounts (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name TEXT NOT NULL,
    email TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    is_operator BIGINT NOT NULL DEFAULT 0,
    created_at BIGINT NOT NULL,
    CONSTRAINT accounts_name_unique UNIQUE (name),
    CONSTRAINT accounts_email_unique UNIQUE (email)
);

CREATE TABLE tokens (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id BIGINT NOT NULL REFERENCES accounts (id),
    token_hash BYTEA NOT NULL,
    label TEXT NOT NULL,
    scopes TEXT NOT NULL,
    namespaces TEXT,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    last_used_at BIGINT,
    revoked_at BIGINT,
    CONSTRAINT tokens_token_hash_unique UNIQUE (token_hash)
);
CREATE INDEX tokens_account_id_index ON tokens (account_id);

CREATE TABLE namespaces (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    CONSTRAINT namespaces_name_unique UNIQUE (name)
);

CREATE TABLE namespace_members (
    namespace_id BIGINT NOT NULL REFERENCES namespaces (id),
    account_id BIGINT NOT NULL REFERENCES accounts (id),
    role TEXT NOT NULL,
    added_at BIGINT NOT NULL,
    CONSTRAINT namespace_members_pk PRIMARY KEY (namespace_id, account_id)
);
CREATE INDEX namespace_members_account_id_index ON namespace_members (account_id);

CREATE TABLE author_keys (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    namespace_id BIGINT NOT NULL REFERENCES namespaces (id),
    key_id TEXT NOT NULL,
    public_key BYTEA NOT NULL,
    label TEXT NOT NULL,
    enrolled_by BIGINT NOT NULL REFERENCES accounts (id),
    enrolled_at BIGINT NOT NULL,
    revoked_at BIGINT,
    revoked_sequence BIGINT,
    CONSTRAINT author_keys_namespace_key_unique UNIQUE (namespace_id, key_id)
);
