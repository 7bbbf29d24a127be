-- +goose Up

-- The host name by which a tenant's users reach it: it stands outside of tenants, since it says which one is meant.
ALTER TABLE tenants ADD COLUMN host TEXT;
CREATE UNIQUE INDEX tenants_host ON tenants (host) WHERE host IS NOT NULL;

ALTER TABLE users ADD COLUMN must_change_password INTEGER NOT NULL DEFAULT 0;
ALTER TABLE users ADD COLUMN token_epoch INTEGER NOT NULL DEFAULT 0;
CREATE INDEX users_department ON users (tenant, department, id);

CREATE TABLE departments (
    tenant     INTEGER NOT NULL,
    id         INTEGER NOT NULL,
    parent     INTEGER NOT NULL, -- 0: it is the root
    name       TEXT    NOT NULL,
    id_path    TEXT    NOT NULL, -- /root/.../own/
    name_path  TEXT    NOT NULL, -- /name/.../own name, without the root's
    created_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX departments_name_path ON departments (tenant, name_path);
CREATE INDEX departments_id_path ON departments (tenant, id_path);
CREATE INDEX departments_name ON departments (tenant, name, id_path);
CREATE INDEX departments_parent ON departments (tenant, parent, name);

INSERT INTO departments (tenant, id, parent, name, id_path, name_path, created_at)
    SELECT id, root_department, 0, replace(name, '/', '-'), '/' || root_department || '/', '', created_at FROM tenants;

-- One-time links by which users set their passwords.
CREATE TABLE activations (
    tenant     INTEGER NOT NULL,
    user       INTEGER NOT NULL,
    hash       BLOB    NOT NULL, -- SHA-256 of the link's secret
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, user)
) STRICT, WITHOUT ROWID;

CREATE INDEX activations_expires ON activations (tenant, expires_at);

ALTER TABLE tokens ADD COLUMN user INTEGER;
ALTER TABLE tokens ADD COLUMN epoch INTEGER;   -- of the user when it was issued
ALTER TABLE tokens ADD COLUMN family INTEGER;  -- the sign-in from which it descends
ALTER TABLE tokens ADD COLUMN used_at INTEGER; -- of a refresh token: when first

-- The token index: a request shows its token before it is known whose that is.
CREATE UNIQUE INDEX tokens_hash ON tokens (hash);
CREATE INDEX tokens_family ON tokens (tenant, family) WHERE family IS NOT NULL;
