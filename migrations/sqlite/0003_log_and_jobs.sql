-- The outbox and its sequence, background jobs, verification runs, audit events and download counts.
CREATE TABLE outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    payload TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE log_entries (
    sequence BIGINT NOT NULL,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    payload TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    CONSTRAINT log_entries_pk PRIMARY KEY (sequence)
);
CREATE INDEX log_entries_subject_index ON log_entries (subject);

CREATE TABLE jobs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    payload TEXT NOT NULL,
    state TEXT NOT NULL,
    attempts BIGINT NOT NULL DEFAULT 0,
    run_after BIGINT NOT NULL,
    locked_until BIGINT,
    last_error TEXT,
    created_at BIGINT NOT NULL
);
CREATE INDEX jobs_state_run_after_index ON jobs (state, run_after, id);

CREATE TABLE verification_runs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    release_id BIGINT NOT NULL REFERENCES releases (id),
    outcome TEXT NOT NULL,
    report TEXT NOT NULL,
    runtime_version TEXT NOT NULL,
    finished_at BIGINT NOT NULL
);
CREATE INDEX verification_runs_release_id_index ON verification_runs (release_id, id);

CREATE TABLE audit_events (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id BIGINT REFERENCES accounts (id),
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    detail TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX audit_events_created_at_index ON audit_events (created_at, id);

CREATE TABLE download_counts (
    release_id BIGINT NOT NULL REFERENCES releases (id),
    day BIGINT NOT NULL,
    downloads BIGINT NOT NULL,
    CONSTRAINT download_counts_pk PRIMARY KEY (release_id, day)
);
