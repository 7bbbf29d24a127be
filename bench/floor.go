package main

import (
	"context"
	"database/sql"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"muster/client"
)

// loader writes the same user rows and outcome rows as the server does, in the plainest way that there is, through the same
// driver into the same schema with all its indexes, as durably, and 1,000 users a transaction. That is the floor.
type loader interface {
	// batch writes at most 1,000 users and their outcomes in one transaction. first numbers them: no number twice.
	batch(ctx context.Context, users []client.User, first int) error
	// history writes so many finished batches of one row each, and counts the users that were written.
	history(ctx context.Context, batches, users int) error
	close(ctx context.Context) error
}

// Ids of what loaders write, apart from each other and from all that a server makes these years.
const (
	loadedIDs     = 1 << 58
	loadedBatches = 1 << 57
	pastBatches   = 1 << 56
)

// load writes users, and gives users/s.
func load(ctx context.Context, l loader, users []client.User, first int) (float64, error) {
	began := time.Now()
	for at := 0; at < len(users); at += batchSize {
		if err := l.batch(ctx, users[at:min(at+batchSize, len(users))], first+at); err != nil {
			return 0, err
		}
	}
	return float64(len(users)) / time.Since(began).Seconds(), nil
}

// fullName is what a user is searched by.
func fullName(u *client.User) string { return strings.ToLower(u.FirstName + " " + u.Surname) }

// rowLoader prepares one INSERT a row.
type rowLoader struct {
	db           *sql.DB
	tenant, root int64
}

func openRows(file string, in installation) (*rowLoader, error) {
	db, err := sql.Open("sqlite", "file:"+file+
		"?_pragma=busy_timeout(10000)&_pragma=journal_mode(wal)&_pragma=synchronous(full)&_pragma=cache_size(-65536)&_pragma=temp_store(memory)")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	l := &rowLoader{db: db}
	l.tenant, l.root, err = in.numbers()
	return l, err
}

func (l *rowLoader) close(context.Context) error { return l.db.Close() }

func (l *rowLoader) batch(ctx context.Context, users []client.User, first int) error {
	tx, err := l.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	insertUser, err := tx.PrepareContext(ctx, `INSERT INTO users (tenant, id, phone, phone_key, email, email_key, first_name, surname,
		level, disabled, department, capacity_gb, created_at, updated_at, full_name_key, surname_key) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 1, 0, ?, 0, ?, ?, ?, ?)`)
	if err != nil {
		return err
	}
	defer func() { _ = insertUser.Close() }()
	insertOutcome, err := tx.PrepareContext(ctx, `INSERT INTO outcomes (tenant, batch, row, id, result, reason, user, subject)
		VALUES (?, ?, ?, ?, 1, 0, ?, ?)`)
	if err != nil {
		return err
	}
	defer func() { _ = insertOutcome.Close() }()
	now := time.Now().UnixMilli()
	for i := range users {
		u, id := &users[i], int64(loadedIDs+2*(first+i))
		_, err := insertUser.ExecContext(ctx, l.tenant, id, u.Phone, u.Phone, u.Email, strings.ToLower(u.Email), u.FirstName, u.Surname, l.root, now, now,
			fullName(u), strings.ToLower(u.Surname))
		if err != nil {
			return err
		}
		if _, err := insertOutcome.ExecContext(ctx, l.tenant, loadedBatches+first, i, id+1, id, u.Phone); err != nil {
			return err
		}
	}
	return tx.Commit()
}

func (l *rowLoader) history(ctx context.Context, batches, users int) error {
	now := time.Now().UnixMilli()
	_, err := l.db.ExecContext(ctx, `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
		INSERT INTO batches (tenant, id, sequence, contract, lane, app_id, actor, actor_level, trace_id, total, succeeded, accepted_at, finished_at)
		SELECT ?, ? + i, i, 1, 1, '', 0, 2, '', 1, 1, ?, ? FROM n WHERE i <= ?`, batches, l.tenant, pastBatches, now, now, batches)
	if err == nil {
		_, err = l.db.ExecContext(ctx, `INSERT INTO outcomes (tenant, batch, row, id, result, reason, user)
			SELECT tenant, id, 0, id, 1, 0, 1 FROM batches WHERE tenant = ? AND id > ? AND id <= ?`, l.tenant, pastBatches, pastBatches+batches)
	}
	if err == nil {
		_, err = l.db.ExecContext(ctx, "UPDATE tenant_usage SET users = users + ?, accept_sequence = accept_sequence + ? WHERE tenant = ?", users, batches, l.tenant)
	}
	return err
}

// copyLoader uses COPY.
type copyLoader struct {
	conn *pgx.Conn
	in   installation
}

func (l *copyLoader) close(ctx context.Context) error { return l.conn.Close(ctx) }

func (l *copyLoader) batch(ctx context.Context, users []client.User, first int) error {
	tenant, root, err := l.in.numbers()
	if err != nil {
		return err
	}
	return pgx.BeginFunc(ctx, l.conn, func(tx pgx.Tx) error {
		now := time.Now()
		_, err := tx.CopyFrom(ctx, pgx.Identifier{"users"}, []string{
			"tenant", "id", "account", "account_key", "phone", "phone_key", "email", "email_key", "first_name", "surname", "display_name",
			"password_hash", "must_change_password", "token_epoch", "level", "disabled", "department", "capacity_gb", "created_at", "updated_at",
			"full_name_key", "surname_key",
		}, pgx.CopyFromSlice(len(users), func(i int) ([]any, error) {
			u := &users[i]
			return []any{
				tenant, int64(loadedIDs + 2*(first+i)), "", "", u.Phone, u.Phone, u.Email, strings.ToLower(u.Email), u.FirstName, u.Surname, "",
				"", false, int64(0), int16(1), false, root, int64(0), now, now, fullName(u), strings.ToLower(u.Surname),
			}, nil
		}))
		if err != nil {
			return err
		}
		_, err = tx.CopyFrom(ctx, pgx.Identifier{"outcomes"}, []string{
			"tenant", "batch", "row", "id", "result", "reason", "field", "detail", "user_id", "subject",
		}, pgx.CopyFromSlice(len(users), func(i int) ([]any, error) {
			id := int64(loadedIDs + 2*(first+i))
			return []any{tenant, int64(loadedBatches + first), int32(i), id + 1, int16(1), int16(0), "", "", id, users[i].Phone}, nil
		}))
		return err
	})
}

func (l *copyLoader) history(ctx context.Context, batches, users int) error {
	tenant, _, err := l.in.numbers()
	if err != nil {
		return err
	}
	_, err = l.conn.Exec(ctx, `INSERT INTO batches (tenant, id, sequence, contract, lane, app_id, actor, actor_level, trace_id, total, succeeded, accepted_at, finished_at)
		SELECT $1, $2::bigint + i, i, 1, 1, '', 0, 2, '', 1, 1, now(), now() FROM generate_series(1, $3::bigint) i`, tenant, int64(pastBatches), batches)
	if err == nil {
		_, err = l.conn.Exec(ctx, `INSERT INTO outcomes (tenant, batch, row, id, result, reason, field, detail, user_id, subject)
			SELECT tenant, id, 0, id, 1, 0, '', '', 1, '' FROM batches WHERE tenant = $1 AND id > $2 AND id <= $2 + $3::bigint`, tenant, int64(pastBatches), batches)
	}
	if err == nil {
		_, err = l.conn.Exec(ctx, "UPDATE tenant_usage SET users = users + $1, accept_sequence = accept_sequence + $2 WHERE tenant = $3", users, batches, tenant)
	}
	// What a database does from time to time, and has done to one that grew in the course of months.
	if err == nil {
		_, err = l.conn.Exec(ctx, "VACUUM ANALYZE")
	}
	return err
}

// numbers are the tenant's id and that of its root department.
func (i installation) numbers() (tenant, root int64, err error) {
	tenant, err = strconv.ParseInt(i.TenantID, 10, 64)
	root, other := strconv.ParseInt(i.RootDepartmentID, 10, 64)
	return tenant, root, errors.Join(err, other)
}
