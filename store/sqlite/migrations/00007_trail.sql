-- +goose Up

-- Who did what, when. An id is a moment's (muster.ID), and so says when.
CREATE TABLE audit_records (
    tenant   INTEGER NOT NULL, -- 0: the installation
    id       INTEGER NOT NULL,
    app_id   TEXT,
    user     INTEGER,
    operator INTEGER NOT NULL,
    origin   TEXT,             -- the address that the request came from
    action   TEXT    NOT NULL,
    target   TEXT,
    detail   TEXT,
    PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX audit_records_action ON audit_records (tenant, action, id);
CREATE INDEX audit_records_user ON audit_records (tenant, user, id) WHERE user IS NOT NULL;
CREATE INDEX audit_records_target ON audit_records (tenant, target, id) WHERE target IS NOT NULL;

CREATE TABLE webhooks (
    tenant        INTEGER NOT NULL,
    id            INTEGER NOT NULL,
    name          TEXT,
    url           TEXT    NOT NULL,
    types         INTEGER NOT NULL, -- a bit for each type of events that it wants; 0: all
    disabled      INTEGER NOT NULL,
    reason        TEXT,             -- why it was disabled, if nobody did
    failing_since INTEGER,          -- when the first delivery failed since one succeeded
    created_at    INTEGER NOT NULL,
    PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE webhook_secrets (
    tenant      INTEGER NOT NULL,
    webhook     INTEGER NOT NULL,
    position    INTEGER NOT NULL, -- 0 is the newest
    sealed      BLOB    NOT NULL,
    key_version INTEGER NOT NULL, -- of the key-encryption key that sealed it
    created_at  INTEGER NOT NULL,
    expires_at  INTEGER,
    PRIMARY KEY (tenant, webhook, position)
) STRICT, WITHOUT ROWID;

-- What happened. An id is a moment's, too, with a number of the tenant's.
CREATE TABLE webhook_events (
    tenant INTEGER NOT NULL,
    id     INTEGER NOT NULL,
    type   INTEGER NOT NULL,
    data   TEXT    NOT NULL, -- JSON, of ids alone
    PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;

-- An event for each webhook that wanted it when it happened.
CREATE TABLE webhook_deliveries (
    tenant   INTEGER NOT NULL,
    event    INTEGER NOT NULL,
    webhook  INTEGER NOT NULL,
    state    INTEGER NOT NULL,
    attempts INTEGER NOT NULL, -- that ended
    status   INTEGER NOT NULL, -- of the last one's answer; 0 if there was none
    problem  TEXT,
    last_at  INTEGER,
    due_at   INTEGER,          -- while it waits: when it is tried, or when the lease ends of who has it
    PRIMARY KEY (tenant, event, webhook)
) STRICT, WITHOUT ROWID;

CREATE INDEX webhook_deliveries_hook ON webhook_deliveries (tenant, webhook, event);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (tenant, webhook, due_at) WHERE due_at IS NOT NULL;

-- A row for each tenant that ever had an event: before this moment nothing of it is due, nor ever where it is NULL.
CREATE TABLE outboxes (
    tenant INTEGER NOT NULL PRIMARY KEY,
    due_at INTEGER
) STRICT;
