-- +goose Up

-- Those who use the console, each of one tenant or of the installation (0), and their sessions. They stand outside of tenants:
-- who signs in has not proved to belong to one.
CREATE TABLE operators (
    id            bigint           NOT NULL PRIMARY KEY,
    tenant        bigint           NOT NULL,
    name          text             NOT NULL,
    email         text             NOT NULL,
    email_key     text COLLATE "C" NOT NULL, -- '' if he signs in elsewhere
    role          smallint         NOT NULL,
    disabled      boolean          NOT NULL,
    subject       text COLLATE "C" NOT NULL, -- who he is elsewhere; '' if he is not
    password_hash text             NOT NULL,
    language      text             NOT NULL,
    epoch         bigint           NOT NULL, -- counts what ends his sessions
    invitation    bytea,                     -- SHA-256 of the invitation's secret
    invited_until timestamptz,
    created_at    timestamptz      NOT NULL,
    last_seen_at  timestamptz                -- NULL: never
);

CREATE UNIQUE INDEX operators_email ON operators (email_key) WHERE email_key <> '';
CREATE UNIQUE INDEX operators_subject ON operators (subject) WHERE subject <> '';
CREATE UNIQUE INDEX operators_invitation ON operators (invitation) WHERE invitation IS NOT NULL;

CREATE TABLE operator_sessions (
    hash       bytea       NOT NULL PRIMARY KEY, -- SHA-256 of what opens it
    operator   bigint      NOT NULL,
    epoch      bigint      NOT NULL, -- of the operator when it began
    expires_at timestamptz NOT NULL, -- unless it is extended,
    ends_at    timestamptz NOT NULL  -- which is up to here
);

CREATE INDEX operator_sessions_operator ON operator_sessions (operator);
CREATE INDEX operator_sessions_expires ON operator_sessions (expires_at);
