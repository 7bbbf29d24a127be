-- +goose Up

-- The numbers of nodes in the ids that they make (muster.IDSource), all there are. A process has ids of one reserved for a while,
-- and reserves further ones before those are used up. Nobody ever has the same of them as somebody else, since last_id only
-- grows while a number has an owner, and whoever takes it begins above.
CREATE TABLE node_numbers (
    number  smallint         NOT NULL PRIMARY KEY,
    owner   text COLLATE "C" NOT NULL, -- the process that has it, or had it last; '' if it gave it back
    until   timestamptz      NOT NULL, -- when others may take it, by the database's clock
    last_id bigint           NOT NULL  -- no id above it was made or is reserved
) WITH (fillfactor = 10);

INSERT INTO node_numbers (number, owner, until, last_id) SELECT n, '', '-infinity', 0 FROM generate_series(0, 1023) AS n;

-- Programs that know no more than the version before would not reserve their ids.
UPDATE installation SET serves_from = 3;
