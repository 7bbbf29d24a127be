-- +goose Up

-- What a day brought a tenant. One of which there is no row left the number of users as it was.
CREATE TABLE days (
    tenant    bigint  NOT NULL,
    day       integer NOT NULL, -- in UTC, from 1970-01-01 on
    users     bigint  NOT NULL, -- at its end
    succeeded bigint  NOT NULL, -- rows of batches that ran, as the following
    failed    bigint  NOT NULL,
    skipped   bigint  NOT NULL,
    cancelled bigint  NOT NULL,
    PRIMARY KEY (tenant, day)
);

INSERT INTO days SELECT tenant, extract(epoch FROM now())::bigint / 86400, users, 0, 0, 0, 0 FROM tenant_usage;

-- When the process that has the number took it; '-infinity' is not known.
ALTER TABLE node_numbers ADD COLUMN since timestamptz NOT NULL DEFAULT '-infinity';
