-- +goose Up

-- The key of every table begins with the tenant, and every query names it, so that the tables could be distributed by
-- tenant. What stands outside of tenants is listed in the layout test. Times are milliseconds since 1970, UTC.

CREATE TABLE tenants (
    id              INTEGER NOT NULL PRIMARY KEY,
    name            TEXT    NOT NULL,
    root_department INTEGER NOT NULL,
    settings        TEXT    NOT NULL, -- JSON
    created_at      INTEGER NOT NULL
) STRICT;

CREATE UNIQUE INDEX tenants_name ON tenants (name);

-- What a tenant has taken of its limits. In a database with more than one writer this row is the tenant's lock.
CREATE TABLE tenant_usage (
    tenant          INTEGER NOT NULL PRIMARY KEY,
    users           INTEGER NOT NULL,
    capacity_gb     INTEGER NOT NULL,
    system_admins   INTEGER NOT NULL,
    queued_rows     INTEGER NOT NULL DEFAULT 0,
    queued_bytes    INTEGER NOT NULL DEFAULT 0,
    accept_sequence INTEGER NOT NULL DEFAULT 0
) STRICT;

-- A key that a user does not have is NULL, and so in no index.
CREATE TABLE users (
    tenant        INTEGER NOT NULL,
    id            INTEGER NOT NULL,
    account       TEXT,
    account_key   TEXT,
    phone         TEXT,
    phone_key     TEXT,
    email         TEXT,
    email_key     TEXT,
    first_name    TEXT,
    surname       TEXT,
    display_name  TEXT,
    password_hash TEXT,
    level         INTEGER NOT NULL,
    disabled      INTEGER NOT NULL,
    department    INTEGER NOT NULL,
    capacity_gb   INTEGER NOT NULL,
    roles         TEXT, -- JSON array of ids
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL,
    PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX users_account ON users (tenant, account_key) WHERE account_key IS NOT NULL;
CREATE UNIQUE INDEX users_phone ON users (tenant, phone_key) WHERE phone_key IS NOT NULL;
-- Whether e-mail is unique is the tenant's choice, and Plan's to see to.
CREATE INDEX users_email ON users (tenant, email_key) WHERE email_key IS NOT NULL;
CREATE INDEX users_administrators ON users (tenant, id) WHERE level = 2 AND disabled = 0;

CREATE TABLE credentials (
    tenant     INTEGER NOT NULL,
    app_id     TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    disabled   INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, app_id)
) STRICT, WITHOUT ROWID;

-- The credential index: a request says its AppID before it is known whose that is.
CREATE UNIQUE INDEX credentials_app_id ON credentials (app_id);

CREATE TABLE credential_secrets (
    tenant      INTEGER NOT NULL,
    app_id      TEXT    NOT NULL,
    position    INTEGER NOT NULL, -- from 0, the newest first
    sealed      BLOB    NOT NULL,
    key_version INTEGER NOT NULL, -- of the key-encryption key that sealed it
    created_at  INTEGER NOT NULL,
    expires_at  INTEGER,          -- NULL: never
    PRIMARY KEY (tenant, app_id, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE batches (
    tenant              INTEGER NOT NULL,
    id                  INTEGER NOT NULL,
    sequence            INTEGER NOT NULL,
    contract            INTEGER NOT NULL,
    lane                INTEGER NOT NULL,
    app_id              TEXT    NOT NULL,
    actor               INTEGER NOT NULL,
    actor_level         INTEGER NOT NULL,
    trace_id            TEXT    NOT NULL,
    total               INTEGER NOT NULL,
    succeeded           INTEGER NOT NULL DEFAULT 0,
    failed              INTEGER NOT NULL DEFAULT 0,
    skipped             INTEGER NOT NULL DEFAULT 0,
    accepted_at         INTEGER NOT NULL,
    finished_at         INTEGER, -- NULL while rows are without outcome
    forgotten           INTEGER NOT NULL DEFAULT 0, -- 1 once purging has begun: nobody sees it any more
    payload_key         BLOB,    -- wrapped; NULL once every row has its outcome
    payload_key_version INTEGER,
    kept_key            BLOB,    -- wrapped; NULL once finished with nothing kept
    kept_key_version    INTEGER,
    PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX batches_finished ON batches (tenant, finished_at) WHERE finished_at IS NOT NULL;
-- What a rotation of keys has still to wrap anew.
CREATE INDEX batches_payload_key ON batches (tenant, payload_key_version, id) WHERE payload_key_version IS NOT NULL;
CREATE INDEX batches_kept_key ON batches (tenant, kept_key_version, id) WHERE kept_key_version IS NOT NULL;

CREATE TABLE chunks (
    tenant     INTEGER NOT NULL,
    batch      INTEGER NOT NULL,
    first_row  INTEGER NOT NULL,
    rows       INTEGER NOT NULL,
    lane       INTEGER NOT NULL,
    rank       INTEGER NOT NULL,
    sequence   INTEGER NOT NULL, -- the batch's
    first_id   INTEGER NOT NULL,
    first_user INTEGER NOT NULL,
    payload    BLOB    NOT NULL, -- sealed
    PRIMARY KEY (tenant, batch, first_row)
) STRICT, WITHOUT ROWID;

CREATE INDEX chunks_order ON chunks (tenant, lane, rank, sequence, first_row);

CREATE TABLE lanes (
    tenant   INTEGER NOT NULL,
    lane     INTEGER NOT NULL,
    position INTEGER NOT NULL, -- the largest rank applied so far: where a new batch begins
    PRIMARY KEY (tenant, lane)
) STRICT, WITHOUT ROWID;

CREATE TABLE outcomes (
    tenant  INTEGER NOT NULL,
    batch   INTEGER NOT NULL,
    row     INTEGER NOT NULL,
    id      INTEGER NOT NULL,
    result  INTEGER NOT NULL,
    reason  INTEGER NOT NULL,
    field   TEXT,
    detail  TEXT,
    user    INTEGER NOT NULL,
    subject TEXT,
    PRIMARY KEY (tenant, batch, row)
) STRICT, WITHOUT ROWID;

CREATE TABLE kept (
    tenant    INTEGER NOT NULL,
    batch     INTEGER NOT NULL,
    first_row INTEGER NOT NULL,
    rows      INTEGER NOT NULL,
    sealed    BLOB    NOT NULL,
    PRIMARY KEY (tenant, batch, first_row)
) STRICT, WITHOUT ROWID;

CREATE TABLE replays (
    tenant      INTEGER NOT NULL,
    fingerprint BLOB    NOT NULL,
    batch       INTEGER NOT NULL,
    until       INTEGER NOT NULL,
    PRIMARY KEY (tenant, fingerprint)
) STRICT, WITHOUT ROWID;

CREATE INDEX replays_until ON replays (tenant, until);

-- The largest id that each node is known to have used.
CREATE TABLE nodes (
    node    INTEGER NOT NULL PRIMARY KEY,
    last_id INTEGER NOT NULL
) STRICT;

CREATE TABLE key_records (
    purpose    TEXT    NOT NULL,
    version    INTEGER NOT NULL,
    wrapped    BLOB    NOT NULL,
    master_id  TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (purpose, version)
) STRICT, WITHOUT ROWID;
