INSERT INTO log_head (id, tree_size, root, checkpoint, signed_at)
VALUES (1, 1, ~<00>~, 'example.org', 1700000000000000);
INSERT INTO trust_documents (version, envelope, created_at) VALUES (1, '{}', 1700000000000000);
UPDATE releases SET quarantined = 'looked at', recalled = 'leaks' WHERE id = 1;
