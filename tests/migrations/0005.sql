UPDATE author_keys SET counts_from = 1700000000000000, endorsed_by = 'dcba', enrolled_sequence = 1, revoked_from = 0 WHERE id = 1;
INSERT INTO key_approvals (author_key_id, account_id, approved_at) VALUES (1, 2, 1700000000000000);
UPDATE releases SET signer_revoked = 1 WHERE id = 1;
