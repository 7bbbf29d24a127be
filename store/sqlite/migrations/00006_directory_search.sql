-- +goose Up

-- What a credential's requests may do (muster.Scopes): those there are go on doing everything.
ALTER TABLE credentials ADD COLUMN scopes INTEGER NOT NULL DEFAULT 7;
