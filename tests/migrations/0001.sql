INSERT INTO accounts (name, email, password_hash, is_operator, created_at)
VALUES ('ada', 'ada@example.org', '$argon2id$', 0, 1700000000000000), ('operator', 'operator@localhost', '!', 1, 1700000000000000);
INSERT INTO tokens (account_id, token_hash, label, scopes, namespaces, created_at, expires_at)
VALUES (1, ~<aa>~, 'laptop', '["publish"]', '["acme"]', 1700000000000000, NULL);
INSERT INTO namespaces (name, created_at) VALUES ('acme', 1700000000000000);
INSERT INTO namespace_members (namespace_id, account_id, role, added_at) VALUES (1, 1, 'owner', 1700000000000000);
INSERT INTO author_keys (namespace_id, key_id, public_key, label, enrolled_by, enrolled_at, revoked_at, revoked_sequence)
VALUES (1, 'abcd', ~<bb>~, 'laptop', 1, 1700000000000000, NULL, NULL);
