-- +goose Up

-- Batches that come in pieces, are rehearsed, cancelled, committed and repeated.

-- What is sealed stands apart from what says when its turn is, so that turns change without rewriting it.
CREATE TABLE payloads (
    tenant    INTEGER NOT NULL,
    batch     INTEGER NOT NULL,
    first_row INTEGER NOT NULL,
    payload   BLOB    NOT NULL, -- sealed
    PRIMARY KEY (tenant, batch, first_row)
) STRICT, WITHOUT ROWID;

INSERT INTO payloads (tenant, batch, first_row, payload) SELECT tenant, batch, first_row, payload FROM chunks;
-- A chunk of lane 0 has no turn: its batch is being staged, was checked as far as that, or is a dry run that holds it.
ALTER TABLE chunks DROP COLUMN payload;

ALTER TABLE batches ADD COLUMN mode INTEGER NOT NULL DEFAULT 0;
ALTER TABLE batches ADD COLUMN name TEXT;
ALTER TABLE batches ADD COLUMN cancelled INTEGER NOT NULL DEFAULT 0;
ALTER TABLE batches ADD COLUMN started_at INTEGER;   -- NULL: no row has an outcome or was checked
ALTER TABLE batches ADD COLUMN parent INTEGER;       -- NULL: it was not made of another
ALTER TABLE batches ADD COLUMN origin INTEGER NOT NULL DEFAULT 0;
ALTER TABLE batches ADD COLUMN guarded INTEGER NOT NULL DEFAULT 0;
ALTER TABLE batches ADD COLUMN checked INTEGER NOT NULL DEFAULT 0;
ALTER TABLE batches ADD COLUMN differing INTEGER NOT NULL DEFAULT 0;
ALTER TABLE batches ADD COLUMN source TEXT;
ALTER TABLE batches ADD COLUMN withheld INTEGER NOT NULL DEFAULT 0;
ALTER TABLE batches ADD COLUMN passwords INTEGER NOT NULL DEFAULT 0;
ALTER TABLE batches ADD COLUMN held_until INTEGER;   -- of a finished dry run: when its chunks and payload key go
ALTER TABLE batches ADD COLUMN staged_until INTEGER; -- NULL: accepted; else nobody sees it, and it goes then
-- What the users of its overlay have taken more than those for whom they stand.
ALTER TABLE batches ADD COLUMN predicted_users INTEGER NOT NULL DEFAULT 0;
ALTER TABLE batches ADD COLUMN predicted_capacity_gb INTEGER NOT NULL DEFAULT 0;
ALTER TABLE batches ADD COLUMN predicted_admins INTEGER NOT NULL DEFAULT 0;
ALTER TABLE batches ADD COLUMN overlaid INTEGER NOT NULL DEFAULT 0; -- 1: it has an overlay to be erased

-- When the batches that have begun did so was not noted.
UPDATE batches SET started_at = accepted_at WHERE succeeded + failed + skipped > 0;

CREATE INDEX batches_unfinished ON batches (tenant, id) WHERE finished_at IS NULL;
CREATE INDEX batches_parent ON batches (tenant, parent, origin, id) WHERE parent IS NOT NULL;
CREATE INDEX batches_held ON batches (tenant, held_until) WHERE held_until IS NOT NULL AND payload_key IS NOT NULL;
CREATE INDEX batches_staged ON batches (tenant, staged_until) WHERE staged_until IS NOT NULL;
-- Whose overlay nobody needs any more: they are no dry run (1) and no check (2), or they are finished.
CREATE INDEX batches_overlaid ON batches (tenant, overlaid, id) WHERE overlaid = 1 AND (finished_at IS NOT NULL OR mode NOT IN (1, 2));

-- Those that did not succeed, by why.
CREATE INDEX outcomes_reason ON outcomes (tenant, batch, result, reason, row) WHERE result <> 1;

-- How many of a batch's outcomes there are of each kind.
CREATE TABLE reasons (
    tenant INTEGER NOT NULL,
    batch  INTEGER NOT NULL,
    result INTEGER NOT NULL,
    reason INTEGER NOT NULL,
    rows   INTEGER NOT NULL,
    PRIMARY KEY (tenant, batch, result, reason)
) STRICT, WITHOUT ROWID;

INSERT INTO reasons (tenant, batch, result, reason, rows)
    SELECT tenant, batch, result, reason, count(*) FROM outcomes GROUP BY tenant, batch, result, reason;

-- The outcomes that rows would have, where those are not the ones that the dry run predicted which is to be committed.
CREATE TABLE differences (
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

-- Users as a batch that only predicts would have left them so far.
CREATE TABLE overlay (
    tenant      INTEGER NOT NULL,
    batch       INTEGER NOT NULL,
    user        INTEGER NOT NULL,
    account_key TEXT,
    phone_key   TEXT,
    email_key   TEXT,
    gone        INTEGER NOT NULL, -- 1: he would be deleted
    data        BLOB,             -- the user, without his password's hash; NULL if he is gone
    PRIMARY KEY (tenant, batch, user)
) STRICT, WITHOUT ROWID;

CREATE INDEX overlay_account ON overlay (tenant, batch, account_key) WHERE account_key IS NOT NULL;
CREATE INDEX overlay_phone ON overlay (tenant, batch, phone_key) WHERE phone_key IS NOT NULL;
CREATE INDEX overlay_email ON overlay (tenant, batch, email_key) WHERE email_key IS NOT NULL;

-- Whose reconciliations made or adopted the user.
ALTER TABLE users ADD COLUMN source TEXT;
CREATE INDEX users_source ON users (tenant, source, id) WHERE source IS NOT NULL;
