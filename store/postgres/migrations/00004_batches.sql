-- +goose Up

-- Batches that come in pieces, are rehearsed, cancelled, committed and repeated.

ALTER TABLE users ADD COLUMN source text COLLATE "C" NOT NULL DEFAULT ''; -- whose reconciliations made or adopted him; '' if none did
CREATE INDEX users_source ON users (tenant, source, id) WHERE source <> '';

ALTER TABLE batches
    ADD COLUMN mode                  smallint    NOT NULL DEFAULT 0,
    ADD COLUMN name                  text        NOT NULL DEFAULT '',
    ADD COLUMN cancelled             integer     NOT NULL DEFAULT 0,
    ADD COLUMN started_at            timestamptz,                    -- NULL: no row has an outcome or was checked
    ADD COLUMN parent                bigint      NOT NULL DEFAULT 0, -- the batch that it was made of; 0 if none
    ADD COLUMN origin                smallint    NOT NULL DEFAULT 0,
    ADD COLUMN guarded               boolean     NOT NULL DEFAULT false,
    ADD COLUMN checked               integer     NOT NULL DEFAULT 0,
    ADD COLUMN differing             integer     NOT NULL DEFAULT 0,
    ADD COLUMN source                text        NOT NULL DEFAULT '',
    ADD COLUMN withheld              integer     NOT NULL DEFAULT 0,
    ADD COLUMN passwords             integer     NOT NULL DEFAULT 0,
    ADD COLUMN held_until            timestamptz,                    -- of a finished dry run: when its chunks and payload key go
    ADD COLUMN staged_until          timestamptz,                    -- NULL: accepted; else nobody sees it, and it goes then
    -- What the users in the overlay have taken more than those that they stand for.
    ADD COLUMN predicted_users       bigint      NOT NULL DEFAULT 0,
    ADD COLUMN predicted_capacity_gb bigint      NOT NULL DEFAULT 0,
    ADD COLUMN predicted_admins      bigint      NOT NULL DEFAULT 0,
    ADD COLUMN overlaid              boolean     NOT NULL DEFAULT false; -- the overlay has rows of it

-- When the batches that have begun did so was not noted.
UPDATE batches SET started_at = accepted_at WHERE succeeded + failed + skipped > 0;

CREATE INDEX batches_unfinished ON batches (tenant, id) WHERE finished_at IS NULL;
CREATE INDEX batches_parent ON batches (tenant, parent, origin, id) WHERE parent <> 0;
CREATE INDEX batches_held ON batches (tenant, held_until) WHERE held_until IS NOT NULL AND payload_key IS NOT NULL;
CREATE INDEX batches_staged ON batches (tenant, staged_until) WHERE staged_until IS NOT NULL;
-- Whose overlay nobody needs any more: they are no dry run (1) and no check (2), or they are finished.
CREATE INDEX batches_overlaid ON batches (tenant, id) WHERE overlaid AND (finished_at IS NOT NULL OR mode NOT IN (1, 2));

-- Those that did not succeed, by why.
CREATE INDEX outcomes_reason ON outcomes (tenant, batch, result, reason, row) WHERE result <> 1;

-- How many of a batch's outcomes there are of each kind.
CREATE TABLE reasons (
    tenant bigint   NOT NULL,
    batch  bigint   NOT NULL,
    result smallint NOT NULL,
    reason smallint NOT NULL,
    rows   integer  NOT NULL,
    PRIMARY KEY (tenant, batch, result, reason)
) WITH (fillfactor = 50);

INSERT INTO reasons SELECT tenant, batch, result, reason, count(*) FROM outcomes GROUP BY tenant, batch, result, reason;

-- The outcomes that rows would have, where those are not the ones that the dry run predicted which is to be committed.
CREATE TABLE differences (
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

-- Users as a batch that only predicts would have left them so far. A key that a user does not have is empty, and in no index.
CREATE TABLE overlay (
    tenant      bigint           NOT NULL,
    batch       bigint           NOT NULL,
    user_id     bigint           NOT NULL,
    account_key text COLLATE "C" NOT NULL,
    phone_key   text COLLATE "C" NOT NULL,
    email_key   text COLLATE "C" NOT NULL,
    gone        boolean          NOT NULL, -- he would be deleted
    data        bytea,                     -- the user, without his password's hash; NULL if he is gone
    PRIMARY KEY (tenant, batch, user_id)
);

CREATE INDEX overlay_account ON overlay (tenant, batch, account_key) WHERE account_key <> '';
CREATE INDEX overlay_phone ON overlay (tenant, batch, phone_key) WHERE phone_key <> '';
CREATE INDEX overlay_email ON overlay (tenant, batch, email_key) WHERE email_key <> '';

ALTER TABLE reasons ALTER COLUMN tenant SET STATISTICS 0;
ALTER TABLE differences ALTER COLUMN tenant SET STATISTICS 0;
ALTER TABLE overlay ALTER COLUMN tenant SET STATISTICS 0;

-- Programs that know no more than the version before would do what is only to be predicted.
UPDATE installation SET serves_from = 4;
