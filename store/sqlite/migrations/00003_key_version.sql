-- +goose Up

-- By which version of the rules the keys of the tenant's users were normalised.
ALTER TABLE tenants ADD COLUMN key_version INTEGER NOT NULL DEFAULT 1;
