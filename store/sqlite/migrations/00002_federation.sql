-- +goose Up

CREATE TABLE roles (
    tenant     INTEGER NOT NULL,
    id         INTEGER NOT NULL,
    name       TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX roles_name ON roles (tenant, name);

-- Who has a role: what users.roles holds, by role.
CREATE TABLE user_roles (
    tenant INTEGER NOT NULL,
    role   INTEGER NOT NULL,
    user   INTEGER NOT NULL,
    PRIMARY KEY (tenant, role, user)
) STRICT, WITHOUT ROWID;

INSERT INTO user_roles (tenant, role, user)
    SELECT DISTINCT u.tenant, r.value, u.id FROM users AS u CROSS JOIN json_each(u.roles) AS r;

-- A tenant without a row has the default profile.
CREATE TABLE federation_profiles (
    tenant      INTEGER NOT NULL PRIMARY KEY,
    profile     TEXT    NOT NULL, -- JSON
    sealed      BLOB,             -- the identity system's secret; NULL if it has none
    key_version INTEGER           -- of the key-encryption key that sealed it
) STRICT;

-- For an idempotency key the keyed fingerprint of the body that came with it; for a signed request NULL.
ALTER TABLE replays ADD COLUMN body BLOB;

CREATE TABLE tokens (
    tenant     INTEGER NOT NULL,
    hash       BLOB    NOT NULL, -- SHA-256 of the token
    kind       INTEGER NOT NULL,
    app_id     TEXT    NOT NULL,
    secret_at  INTEGER NOT NULL, -- when the secret that it was issued for was made
    issued_at  INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, hash)
) STRICT, WITHOUT ROWID;

CREATE INDEX tokens_expires ON tokens (tenant, expires_at);

-- Refused attempts to prove who one is. Who is refused has not proved to belong to a tenant.
CREATE TABLE refused_attempts (
    key      BLOB    NOT NULL PRIMARY KEY, -- keyed hash of what is counted by
    attempts INTEGER NOT NULL,
    until    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX refused_attempts_until ON refused_attempts (until);
