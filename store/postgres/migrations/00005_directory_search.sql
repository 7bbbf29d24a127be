-- +goose Up

-- What a credential's requests may do (muster.Scopes): those there are go on doing everything.
ALTER TABLE credentials ADD COLUMN scopes smallint NOT NULL DEFAULT 7;

-- A search by e-mail goes on behind one of several users who have the same.
DROP INDEX users_email;
CREATE INDEX users_email ON users (tenant, email_key, id) WHERE email_key <> '';

-- Programs that know no more than the version before would leave scopes out.
UPDATE installation SET serves_from = 5;
