INSERT INTO outbox (kind, subject, payload, created_at) VALUES ('publish', 'acme:markdown@1.0.0', '{}', 1700000000000000);
INSERT INTO log_entries (sequence, kind, subject, payload, created_at)
VALUES (1, 'publish', 'acme:markdown@1.0.0', '{}', 1700000000000000);
INSERT INTO jobs (kind, payload, state, run_after, created_at)
VALUES ('verify-release', '{}', 'queued', 1700000000000000, 1700000000000000);
INSERT INTO verification_runs (release_id, outcome, report, runtime_version, finished_at)
VALUES (1, 'passed', '{}', 'wasmtime 48', 1700000000000000);
INSERT INTO audit_events (account_id, action, subject, detail, created_at)
VALUES (1, 'publish', 'acme:markdown@1.0.0', '{}', 1700000000000000);
INSERT INTO download_counts (release_id, day, downloads) VALUES (1, 19675, 7);
