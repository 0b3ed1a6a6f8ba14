-- Host profiles, plugins, releases and what inspection found in them.
CREATE TABLE host_profiles (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    version TEXT NOT NULL,
    document TEXT NOT NULL,
    registered_by BIGINT REFERENCES accounts (id),
    created_at BIGINT NOT NULL,
    CONSTRAINT host_profiles_name_version_unique UNIQUE (name, version)
);

CREATE TABLE plugins (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    namespace_id BIGINT NOT NULL REFERENCES namespaces (id),
    name TEXT NOT NULL,
    full_name TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    newest_release_id BIGINT,
    updated_at BIGINT NOT NULL,
    downloads BIGINT NOT NULL DEFAULT 0,
    search_text TEXT NOT NULL,
    CONSTRAINT plugins_namespace_name_unique UNIQUE (namespace_id, name),
    CONSTRAINT plugins_full_name_unique UNIQUE (full_name)
);
CREATE INDEX plugins_updated_at_index ON plugins (updated_at, id);
CREATE INDEX plugins_downloads_index ON plugins (downloads, id);

CREATE TABLE releases (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    plugin_id BIGINT NOT NULL REFERENCES plugins (id),
    version TEXT NOT NULL,
    version_key BLOB NOT NULL,
    is_pre_release BIGINT NOT NULL,
    digest BLOB NOT NULL,
    size_bytes BIGINT NOT NULL,
    kind TEXT NOT NULL,
    manifest TEXT NOT NULL,
    manifest_digest BLOB NOT NULL,
    description TEXT NOT NULL,
    license TEXT NOT NULL,
    readme TEXT,
    profile_name TEXT NOT NULL,
    profile_version TEXT NOT NULL,
    profile_requirement TEXT NOT NULL,
    risk TEXT,
    inspection TEXT NOT NULL,
    attestation TEXT NOT NULL,
    key_id TEXT NOT NULL,
    public_key BLOB NOT NULL,
    widening TEXT,
    published_by BIGINT NOT NULL REFERENCES accounts (id),
    published_at BIGINT NOT NULL,
    sequence BIGINT,
    verification TEXT NOT NULL,
    yanked_at BIGINT,
    deprecated TEXT,
    downloads BIGINT NOT NULL DEFAULT 0,
    CONSTRAINT releases_plugin_version_unique UNIQUE (plugin_id, version)
);
CREATE INDEX releases_plugin_version_key_index ON releases (plugin_id, version_key);
CREATE INDEX releases_digest_index ON releases (digest);
CREATE INDEX releases_published_at_index ON releases (published_at, id);

CREATE TABLE release_dependencies (
    release_id BIGINT NOT NULL REFERENCES releases (id),
    dependency TEXT NOT NULL,
    requirement TEXT NOT NULL,
    optional BIGINT NOT NULL,
    CONSTRAINT release_dependencies_pk PRIMARY KEY (release_id, dependency)
);
CREATE INDEX release_dependencies_dependency_index ON release_dependencies (dependency);

CREATE TABLE release_capabilities (
    release_id BIGINT NOT NULL REFERENCES releases (id),
    capability TEXT NOT NULL,
    risk TEXT NOT NULL,
    scope TEXT NOT NULL,
    reason TEXT,
    is_used BIGINT NOT NULL,
    CONSTRAINT release_capabilities_pk PRIMARY KEY (release_id, capability)
);
CREATE INDEX release_capabilities_capability_index ON release_capabilities (capability);

CREATE TABLE release_imports (
    release_id BIGINT NOT NULL REFERENCES releases (id),
    position BIGINT NOT NULL,
    module TEXT NOT NULL,
    name TEXT,
    signature TEXT,
    capability TEXT,
    CONSTRAINT release_imports_pk PRIMARY KEY (release_id, position)
);
CREATE INDEX release_imports_module_index ON release_imports (module, name);

CREATE TABLE release_exports (
    release_id BIGINT NOT NULL REFERENCES releases (id),
    position BIGINT NOT NULL,
    name TEXT NOT NULL,
    signature TEXT,
    CONSTRAINT release_exports_pk PRIMARY KEY (release_id, position)
);
CREATE INDEX release_exports_name_index ON release_exports (name);
