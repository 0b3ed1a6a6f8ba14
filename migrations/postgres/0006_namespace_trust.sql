-- How far the operator trusts the releases of a namespace, as the log says it.
ALTER TABLE namespaces ADD COLUMN trust TEXT NOT NULL DEFAULT 'marketplace';
