-- +goose Up

-- Those who use the console, each of one tenant or of the installation (0), and their sessions. They stand outside of tenants:
-- who signs in has not proved to belong to one.
CREATE TABLE operators (
    id            INTEGER NOT NULL PRIMARY KEY,
    tenant        INTEGER NOT NULL,
    name          TEXT    NOT NULL,
    email         TEXT,
    email_key     TEXT,             -- NULL: he signs in elsewhere
    role          INTEGER NOT NULL,
    disabled      INTEGER NOT NULL,
    subject       TEXT,             -- who he is elsewhere
    password_hash TEXT,
    language      TEXT,
    epoch         INTEGER NOT NULL, -- counts what ends his sessions
    invitation    BLOB,             -- SHA-256 of the invitation's secret
    invited_until INTEGER,
    created_at    INTEGER NOT NULL,
    last_seen_at  INTEGER           -- NULL: never
) STRICT;

CREATE UNIQUE INDEX operators_email ON operators (email_key) WHERE email_key IS NOT NULL;
CREATE UNIQUE INDEX operators_subject ON operators (subject) WHERE subject IS NOT NULL;
CREATE UNIQUE INDEX operators_invitation ON operators (invitation) WHERE invitation IS NOT NULL;

CREATE TABLE operator_sessions (
    hash       BLOB    NOT NULL PRIMARY KEY, -- SHA-256 of what opens it
    operator   INTEGER NOT NULL,
    epoch      INTEGER NOT NULL, -- of the operator when it began
    expires_at INTEGER NOT NULL, -- unless it is extended,
    ends_at    INTEGER NOT NULL  -- which is up to here
) STRICT, WITHOUT ROWID;

CREATE INDEX operator_sessions_operator ON operator_sessions (operator);
CREATE INDEX operator_sessions_expires ON operator_sessions (expires_at);
