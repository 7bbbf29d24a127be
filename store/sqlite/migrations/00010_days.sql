-- +goose Up

-- What a day brought a tenant. One of which there is no row left the number of users as it was.
CREATE TABLE days (
    tenant    INTEGER NOT NULL,
    day       INTEGER NOT NULL, -- in UTC, from 1970-01-01 on
    users     INTEGER NOT NULL, -- at its end
    succeeded INTEGER NOT NULL, -- rows of batches that ran, as the following
    failed    INTEGER NOT NULL,
    skipped   INTEGER NOT NULL,
    cancelled INTEGER NOT NULL,
    PRIMARY KEY (tenant, day)
) STRICT, WITHOUT ROWID;

INSERT INTO days SELECT tenant, unixepoch() / 86400, users, 0, 0, 0, 0 FROM tenant_usage;
