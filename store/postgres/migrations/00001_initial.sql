-- +goose Up

-- The key of every table, and every unique index, begins with the tenant, and every query names it, so that the tables can
-- be distributed by tenant as they are. What stands outside of tenants is listed in the layout test.
--
-- Text that stands in an index is compared by its bytes (COLLATE "C"): an index must not depend on the operating system's
-- collations, which change with its version. Sealed data does not compress (STORAGE EXTERNAL). Tables whose rows change
-- keep room on their pages, so that a change need not touch the indexes (fillfactor, HOT).

-- One row, of the installation itself.
CREATE TABLE installation (
    id          smallint    NOT NULL PRIMARY KEY CHECK (id = 1),
    serves_from integer     NOT NULL,            -- programs that know this version of the schema, or a later one, can work with it
    checked_at  timestamptz NOT NULL,            -- when it was last tried whether the database can be written
    copy_source text        NOT NULL DEFAULT '', -- of which installation this is a copy; '' if it is none
    copy_state  text        NOT NULL DEFAULT ''  -- in which state that is copied; '' once the copy is complete, and may be used
);

INSERT INTO installation (id, serves_from, checked_at) VALUES (1, 1, now());

CREATE TABLE tenants (
    id              bigint           NOT NULL PRIMARY KEY,
    name            text COLLATE "C" NOT NULL,
    host            text COLLATE "C" NOT NULL, -- by which its users reach it; '' if none
    root_department bigint           NOT NULL,
    settings        json             NOT NULL,
    created_at      timestamptz      NOT NULL,
    key_version     integer          NOT NULL -- of the rules by which the keys of its users are normalised
);

CREATE UNIQUE INDEX tenants_name ON tenants (name);
CREATE UNIQUE INDEX tenants_host ON tenants (host) WHERE host <> '';

-- What a tenant has taken of its limits. The row is the tenant's lock: whoever changes something of the tenant has it.
CREATE TABLE tenant_usage (
    tenant          bigint NOT NULL PRIMARY KEY,
    users           bigint NOT NULL,
    capacity_gb     bigint NOT NULL,
    system_admins   bigint NOT NULL,
    queued_rows     bigint NOT NULL DEFAULT 0,
    queued_bytes    bigint NOT NULL DEFAULT 0,
    accept_sequence bigint NOT NULL DEFAULT 0,
    last_id         bigint NOT NULL -- the largest id that is known to have been used in the tenant
) WITH (fillfactor = 50);

-- A text that a user does not have is empty; so is a key, which is then in no index.
CREATE TABLE users (
    tenant               bigint           NOT NULL,
    id                   bigint           NOT NULL,
    account              text             NOT NULL,
    account_key          text COLLATE "C" NOT NULL,
    phone                text             NOT NULL,
    phone_key            text COLLATE "C" NOT NULL,
    email                text             NOT NULL,
    email_key            text COLLATE "C" NOT NULL,
    first_name           text             NOT NULL,
    surname              text             NOT NULL,
    display_name         text             NOT NULL,
    password_hash        text             NOT NULL,
    must_change_password boolean          NOT NULL,
    token_epoch          bigint           NOT NULL,
    level                smallint         NOT NULL,
    disabled             boolean          NOT NULL,
    department           bigint           NOT NULL,
    capacity_gb          bigint           NOT NULL,
    roles                bigint[],        -- NULL: none
    created_at           timestamptz      NOT NULL,
    updated_at           timestamptz      NOT NULL,
    PRIMARY KEY (tenant, id)
) WITH (fillfactor = 90);

CREATE UNIQUE INDEX users_account ON users (tenant, account_key) WHERE account_key <> '';
CREATE UNIQUE INDEX users_phone ON users (tenant, phone_key) WHERE phone_key <> '';
-- Whether e-mail is unique is the tenant's choice, and Plan's to see to.
CREATE INDEX users_email ON users (tenant, email_key) WHERE email_key <> '';
CREATE INDEX users_administrators ON users (tenant, id) WHERE level = 2 AND NOT disabled;
CREATE INDEX users_department ON users (tenant, department, id);

CREATE TABLE departments (
    tenant     bigint           NOT NULL,
    id         bigint           NOT NULL,
    parent     bigint           NOT NULL, -- 0: it is the root
    name       text COLLATE "C" NOT NULL,
    id_path    text COLLATE "C" NOT NULL, -- /root/.../own/
    name_path  text COLLATE "C" NOT NULL, -- /name/.../own name, without the root's
    created_at timestamptz      NOT NULL,
    PRIMARY KEY (tenant, id)
);

CREATE UNIQUE INDEX departments_name_path ON departments (tenant, name_path);
CREATE INDEX departments_id_path ON departments (tenant, id_path);
CREATE INDEX departments_name ON departments (tenant, name, id_path);
CREATE INDEX departments_parent ON departments (tenant, parent, name);

-- One-time links by which users set their passwords.
CREATE TABLE activations (
    tenant     bigint      NOT NULL,
    user_id    bigint      NOT NULL,
    hash       bytea       NOT NULL, -- SHA-256 of the link's secret
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (tenant, user_id)
);

CREATE INDEX activations_expires ON activations (tenant, expires_at);

CREATE TABLE roles (
    tenant     bigint           NOT NULL,
    id         bigint           NOT NULL,
    name       text COLLATE "C" NOT NULL,
    created_at timestamptz      NOT NULL,
    PRIMARY KEY (tenant, id)
);

CREATE UNIQUE INDEX roles_name ON roles (tenant, name);

-- Who has a role: what users.roles holds, by role.
CREATE TABLE user_roles (
    tenant  bigint NOT NULL,
    role    bigint NOT NULL,
    user_id bigint NOT NULL,
    PRIMARY KEY (tenant, role, user_id)
);

-- A request says its AppID before it is known whose that is.
CREATE TABLE credential_index (
    app_id text COLLATE "C" NOT NULL PRIMARY KEY,
    tenant bigint           NOT NULL
);

CREATE TABLE credentials (
    tenant     bigint           NOT NULL,
    app_id     text COLLATE "C" NOT NULL,
    name       text             NOT NULL,
    disabled   boolean          NOT NULL,
    created_at timestamptz      NOT NULL,
    PRIMARY KEY (tenant, app_id)
);

CREATE TABLE credential_secrets (
    tenant      bigint           NOT NULL,
    app_id      text COLLATE "C" NOT NULL,
    position    integer          NOT NULL, -- from 0, the newest first
    sealed      bytea            NOT NULL,
    key_version integer          NOT NULL, -- of the key-encryption key that sealed it
    created_at  timestamptz      NOT NULL,
    expires_at  timestamptz,               -- NULL: never
    PRIMARY KEY (tenant, app_id, position)
);

-- A tenant without a row has the default profile.
CREATE TABLE federation_profiles (
    tenant      bigint NOT NULL PRIMARY KEY,
    profile     json   NOT NULL,
    sealed      bytea,  -- the identity system's secret; NULL if it has none
    key_version integer -- of the key-encryption key that sealed it
);

-- A request shows its token before it is known whose that is.
CREATE TABLE token_index (
    hash   bytea  NOT NULL PRIMARY KEY, -- SHA-256 of the token
    tenant bigint NOT NULL
);

CREATE TABLE tokens (
    tenant     bigint           NOT NULL,
    hash       bytea            NOT NULL,
    kind       smallint         NOT NULL,
    app_id     text COLLATE "C" NOT NULL, -- of an application's token: its credential
    secret_at  timestamptz      NOT NULL, -- and when the secret that it was issued for was made
    user_id    bigint           NOT NULL, -- of a user's token: the user
    epoch      bigint           NOT NULL, -- his token_epoch when it was issued
    family     bigint           NOT NULL, -- and the sign-in from which it descends; 0 if none
    issued_at  timestamptz      NOT NULL,
    expires_at timestamptz      NOT NULL,
    used_at    timestamptz,               -- of a refresh token: when first
    PRIMARY KEY (tenant, hash)
);

CREATE INDEX tokens_expires ON tokens (tenant, expires_at);
CREATE INDEX tokens_family ON tokens (tenant, family) WHERE family <> 0;

-- Refused attempts to prove who one is. Who is refused has not proved to belong to a tenant.
CREATE TABLE refused_attempts (
    key      bytea       NOT NULL PRIMARY KEY, -- keyed hash of what is counted by
    attempts integer     NOT NULL,
    until    timestamptz NOT NULL
);

CREATE INDEX refused_attempts_until ON refused_attempts (until);

CREATE TABLE batches (
    tenant              bigint      NOT NULL,
    id                  bigint      NOT NULL,
    sequence            bigint      NOT NULL,
    contract            smallint    NOT NULL,
    lane                smallint    NOT NULL,
    app_id              text        NOT NULL,
    actor               bigint      NOT NULL,
    actor_level         smallint    NOT NULL,
    trace_id            text        NOT NULL,
    total               integer     NOT NULL,
    succeeded           integer     NOT NULL DEFAULT 0,
    failed              integer     NOT NULL DEFAULT 0,
    skipped             integer     NOT NULL DEFAULT 0,
    accepted_at         timestamptz NOT NULL,
    finished_at         timestamptz, -- NULL while rows are without outcome
    forgotten           boolean     NOT NULL DEFAULT false, -- purging has begun: nobody sees it any more
    payload_key         bytea,       -- wrapped; NULL once every row has its outcome
    payload_key_version integer,
    kept_key            bytea,       -- wrapped; NULL once finished with nothing kept
    kept_key_version    integer,
    PRIMARY KEY (tenant, id)
) WITH (fillfactor = 80);

CREATE INDEX batches_finished ON batches (tenant, finished_at) WHERE finished_at IS NOT NULL;
-- What a rotation of keys has still to wrap anew.
CREATE INDEX batches_payload_key ON batches (tenant, payload_key_version, id) WHERE payload_key_version IS NOT NULL;
CREATE INDEX batches_kept_key ON batches (tenant, kept_key_version, id) WHERE kept_key_version IS NOT NULL;

CREATE TABLE chunks (
    tenant     bigint   NOT NULL,
    batch      bigint   NOT NULL,
    first_row  integer  NOT NULL,
    rows       integer  NOT NULL,
    lane       smallint NOT NULL,
    rank       bigint   NOT NULL,
    sequence   bigint   NOT NULL, -- the batch's
    first_id   bigint   NOT NULL,
    first_user bigint   NOT NULL,
    payload    bytea    NOT NULL, -- sealed
    PRIMARY KEY (tenant, batch, first_row)
);

ALTER TABLE chunks ALTER COLUMN payload SET STORAGE EXTERNAL;
CREATE INDEX chunks_order ON chunks (tenant, lane, rank, sequence, first_row);

CREATE TABLE lanes (
    tenant   bigint   NOT NULL,
    lane     smallint NOT NULL,
    position bigint   NOT NULL, -- the largest rank applied so far: where a new batch begins
    PRIMARY KEY (tenant, lane)
) WITH (fillfactor = 50);

CREATE TABLE outcomes (
    tenant  bigint   NOT NULL,
    batch   bigint   NOT NULL,
    row     integer  NOT NULL,
    id      bigint   NOT NULL,
    result  smallint NOT NULL,
    reason  smallint NOT NULL,
    field   text     NOT NULL,
    detail  text     NOT NULL,
    user_id bigint   NOT NULL,
    subject text     NOT NULL,
    PRIMARY KEY (tenant, batch, row)
);

CREATE TABLE kept (
    tenant    bigint  NOT NULL,
    batch     bigint  NOT NULL,
    first_row integer NOT NULL,
    rows      integer NOT NULL,
    sealed    bytea   NOT NULL,
    PRIMARY KEY (tenant, batch, first_row)
);

ALTER TABLE kept ALTER COLUMN sealed SET STORAGE EXTERNAL;

CREATE TABLE replays (
    tenant      bigint      NOT NULL,
    fingerprint bytea       NOT NULL,
    batch       bigint      NOT NULL,
    until       timestamptz NOT NULL,
    body        bytea, -- for an idempotency key the keyed fingerprint of the body that came with it; for a signed request NULL
    PRIMARY KEY (tenant, fingerprint)
);

CREATE INDEX replays_until ON replays (tenant, until);

CREATE TABLE key_records (
    purpose    text COLLATE "C" NOT NULL,
    version    integer          NOT NULL,
    wrapped    bytea            NOT NULL,
    master_id  text             NOT NULL,
    created_at timestamptz      NOT NULL,
    PRIMARY KEY (purpose, version)
);

-- How many rows a tenant has is not to be guessed from how many others have: one that is new, and about to have a hundred thousand
-- users, has none by the statistics. Without any on this column the planner takes a tenant for a two-hundredth of a table,
-- and so never for one row, for which it would walk all that the tenant has as soon as look for a key.
ALTER TABLE users ALTER COLUMN tenant SET STATISTICS 0;
ALTER TABLE departments ALTER COLUMN tenant SET STATISTICS 0;
ALTER TABLE activations ALTER COLUMN tenant SET STATISTICS 0;
ALTER TABLE roles ALTER COLUMN tenant SET STATISTICS 0;
ALTER TABLE user_roles ALTER COLUMN tenant SET STATISTICS 0;
ALTER TABLE credentials ALTER COLUMN tenant SET STATISTICS 0;
ALTER TABLE credential_secrets ALTER COLUMN tenant SET STATISTICS 0;
ALTER TABLE tokens ALTER COLUMN tenant SET STATISTICS 0;
ALTER TABLE batches ALTER COLUMN tenant SET STATISTICS 0;
ALTER TABLE chunks ALTER COLUMN tenant SET STATISTICS 0;
ALTER TABLE lanes ALTER COLUMN tenant SET STATISTICS 0;
ALTER TABLE outcomes ALTER COLUMN tenant SET STATISTICS 0;
ALTER TABLE kept ALTER COLUMN tenant SET STATISTICS 0;
ALTER TABLE replays ALTER COLUMN tenant SET STATISTICS 0;
