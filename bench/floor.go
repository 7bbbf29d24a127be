package main

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"time"

	"muster/client"
	"muster/store/sqlite"
)

// loaderFloor writes the same user rows and outcome rows as the server does, in the plainest way that there is: one
// prepared insert a row, 1,000 users a transaction, through the same driver into the same schema with all its indexes
// and the same durability. It gives users/s.
func loaderFloor(ctx context.Context, dir string, users []client.User) (rate float64, err error) {
	data, err := os.MkdirTemp(dir, "floor-")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(data)) }()
	store, err := sqlite.Open(ctx, data, sqlite.Options{})
	if err != nil {
		return 0, err
	}
	if err := store.Close(); err != nil {
		return 0, err
	}
	db, err := sql.Open("sqlite", "file:"+filepath.Join(data, sqlite.FileName)+
		"?_pragma=busy_timeout(10000)&_pragma=journal_mode(wal)&_pragma=synchronous(full)&_pragma=cache_size(-65536)&_pragma=temp_store(memory)")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	db.SetMaxOpenConns(1)

	began := time.Now()
	for first := 0; first < len(users); first += batchSize {
		if err := loadBatch(ctx, db, users, first); err != nil {
			return 0, err
		}
	}
	return float64(len(users)) / time.Since(began).Seconds(), nil
}

func loadBatch(ctx context.Context, db *sql.DB, users []client.User, first int) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	insertUser, err := tx.PrepareContext(ctx, `INSERT INTO users (tenant, id, phone, phone_key, email, email_key, first_name, surname,
		level, disabled, department, capacity_gb, created_at, updated_at) VALUES (1, ?, ?, ?, ?, ?, ?, ?, 1, 0, 1, 0, ?, ?)`)
	if err != nil {
		return err
	}
	defer func() { _ = insertUser.Close() }()
	insertOutcome, err := tx.PrepareContext(ctx, `INSERT INTO outcomes (tenant, batch, row, id, result, reason, user, subject)
		VALUES (1, ?, ?, ?, 1, 0, ?, ?)`)
	if err != nil {
		return err
	}
	defer func() { _ = insertOutcome.Close() }()
	now := time.Now().UnixMilli()
	for i := first; i < min(first+batchSize, len(users)); i++ {
		u := &users[i]
		const ids = 1 << 60
		if _, err := insertUser.ExecContext(ctx, ids+2*i, u.Phone, u.Phone, u.Email, strings.ToLower(u.Email), u.FirstName, u.Surname, now, now); err != nil {
			return err
		}
		if _, err := insertOutcome.ExecContext(ctx, first, i-first, ids+2*i+1, ids+2*i, u.Phone); err != nil {
			return err
		}
	}
	return tx.Commit()
}
