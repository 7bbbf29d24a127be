-- +goose Up

-- Beside River's tables, which River's own migrations make, these stand outside of tenants: they say which of all lanes have
-- turns, and which nodes give them. See package dispatch.

-- Lanes that have a turn or wait for one.
CREATE TABLE turns (
    tenant bigint   NOT NULL,
    lane   smallint NOT NULL,
    job    bigint   NOT NULL,           -- River's, which is the turn
    wakes  bigint   NOT NULL DEFAULT 0, -- how often work was stored since the lane was idle
    faults smallint NOT NULL DEFAULT 0, -- turns in a row that ended with a fault
    waits  smallint NOT NULL DEFAULT 0, -- turns in a row that waited for somebody else's answer
    PRIMARY KEY (tenant, lane)
) WITH (fillfactor = 50);

-- Processes that are there, or were within a day.
CREATE TABLE nodes (
    owner   text COLLATE "C" NOT NULL PRIMARY KEY,
    seen_at timestamptz      NOT NULL -- when it said so last, by the database's clock
);
