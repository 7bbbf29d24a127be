-- +goose Up

-- Who did what, when. An id is a moment's (muster.ID), and so says when.
CREATE TABLE audit_records (
    tenant   bigint           NOT NULL, -- 0: the installation
    id       bigint           NOT NULL,
    app_id   text             NOT NULL,
    user_id  bigint           NOT NULL, -- 0: none
    operator boolean          NOT NULL,
    origin   text             NOT NULL, -- the address that the request came from
    action   text COLLATE "C" NOT NULL,
    target   text COLLATE "C" NOT NULL,
    detail   text             NOT NULL,
    PRIMARY KEY (tenant, id)
);

CREATE INDEX audit_records_action ON audit_records (tenant, action, id);
CREATE INDEX audit_records_user ON audit_records (tenant, user_id, id) WHERE user_id <> 0;
CREATE INDEX audit_records_target ON audit_records (tenant, target, id) WHERE target <> '';

CREATE TABLE webhooks (
    tenant        bigint      NOT NULL,
    id            bigint      NOT NULL,
    name          text        NOT NULL,
    url           text        NOT NULL,
    types         integer     NOT NULL, -- a bit for each type of events that it wants; 0: all
    disabled      boolean     NOT NULL,
    reason        text        NOT NULL, -- why it was disabled, if nobody did
    failing_since timestamptz,          -- when the first delivery failed since one succeeded
    created_at    timestamptz NOT NULL,
    PRIMARY KEY (tenant, id)
) WITH (fillfactor = 50);

CREATE TABLE webhook_secrets (
    tenant      bigint      NOT NULL,
    webhook     bigint      NOT NULL,
    position    integer     NOT NULL, -- 0 is the newest
    sealed      bytea       NOT NULL,
    key_version integer     NOT NULL, -- of the key-encryption key that sealed it
    created_at  timestamptz NOT NULL,
    expires_at  timestamptz,
    PRIMARY KEY (tenant, webhook, position)
);

-- What happened. An id is a moment's, too, with a number of the tenant's.
CREATE TABLE webhook_events (
    tenant bigint   NOT NULL,
    id     bigint   NOT NULL,
    type   smallint NOT NULL,
    data   text     NOT NULL, -- JSON, of ids alone
    PRIMARY KEY (tenant, id)
);

-- An event for each webhook that wanted it when it happened.
CREATE TABLE webhook_deliveries (
    tenant   bigint      NOT NULL,
    event    bigint      NOT NULL,
    webhook  bigint      NOT NULL,
    state    smallint    NOT NULL,
    attempts integer     NOT NULL, -- that ended
    status   integer     NOT NULL, -- of the last one's answer; 0 if there was none
    problem  text        NOT NULL,
    last_at  timestamptz,
    due_at   timestamptz,          -- while it waits: when it is tried, or when the lease ends of who has it
    PRIMARY KEY (tenant, event, webhook)
);

CREATE INDEX webhook_deliveries_hook ON webhook_deliveries (tenant, webhook, event);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (tenant, webhook, due_at) WHERE due_at IS NOT NULL;

-- A row for each tenant that ever had an event: before this moment nothing of it is due, nor ever where it is NULL.
CREATE TABLE outboxes (
    tenant bigint NOT NULL PRIMARY KEY,
    due_at timestamptz
) WITH (fillfactor = 10);

ALTER TABLE audit_records ALTER COLUMN tenant SET STATISTICS 0;
ALTER TABLE webhooks ALTER COLUMN tenant SET STATISTICS 0;
ALTER TABLE webhook_secrets ALTER COLUMN tenant SET STATISTICS 0;
ALTER TABLE webhook_events ALTER COLUMN tenant SET STATISTICS 0;
ALTER TABLE webhook_deliveries ALTER COLUMN tenant SET STATISTICS 0;

-- What programs that know no more than the version before do would be in no audit trail, and no webhook would be told.
UPDATE installation SET serves_from = 6;
