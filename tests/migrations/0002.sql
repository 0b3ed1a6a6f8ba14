INSERT INTO host_profiles (name, version, document, registered_by, created_at)
VALUES ('trinity:host', '1.0.0', '{"name":"trinity:host"}', 2, 1700000000000000);
INSERT INTO plugins (namespace_id, name, full_name, created_at, newest_release_id, updated_at, downloads, search_text)
VALUES (1, 'markdown', 'acme:markdown', 1700000000000000, NULL, 1700000000000000, 7, 'acme markdown');
INSERT INTO releases (plugin_id, version, version_key, is_pre_release, digest, size_bytes, kind, manifest, manifest_digest,
    description, license, readme, profile_name, profile_version, profile_requirement, risk, inspection, attestation,
    key_id, public_key, widening, published_by, published_at, sequence, verification, yanked_at, deprecated, downloads)
VALUES (1, '1.0.0', ~<00>~, 0, ~<aa>~, 12, 'core', '{}', ~<bb>~, 'Renders', 'MIT', NULL, 'trinity:host', '1.0.0', '^1.0', NULL,
    '{}', '{}', 'abcd', ~<bb>~, NULL, 1, 1700000000000000, 1, 'pending', NULL, NULL, 7);
INSERT INTO release_dependencies (release_id, dependency, requirement, optional) VALUES (1, 'acme:tokenizer', '^1.0', 0);
INSERT INTO release_capabilities (release_id, capability, risk, scope, reason, is_used)
VALUES (1, 'network', 'high', '{"hosts":["example.org:443"]}', 'fetches feeds', 1);
INSERT INTO release_imports (release_id, position, module, name, signature, capability)
VALUES (1, 0, 'trinity', 'log', '(i32)', NULL);
INSERT INTO release_exports (release_id, position, name, signature) VALUES (1, 0, 'process', '(i32, i32) -> i64');
