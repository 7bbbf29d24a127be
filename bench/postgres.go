package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"muster/client"
	"muster/store/postgres"
	"muster/store/postgres/pgtest"
)

// onPostgres alternates floor, one node and two nodes, each on a database of its own of one durable server.
func onPostgres(ctx context.Context, b *bench) (err error) {
	database, err := pgtest.Start(pgtest.Options{Durable: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, database.Close()) }()
	key := filepath.Join(b.dir, "shared.key")
	if err := b.command(ctx, &struct{}{}, "key", "generate", key); err != nil {
		return err
	}
	var floors, ones, twos, ratios, second []float64
	for run := range b.runs {
		users := people(b.users, nil)
		floor, err := copyFloor(ctx, database, fmt.Sprintf("floor%d", run), users)
		if err != nil {
			return err
		}
		var rates [2]float64
		for i := range rates {
			if rates[i], err = b.onNodes(ctx, database, fmt.Sprintf("nodes%d_%d", i+1, run), key, i+1, users); err != nil {
				return err
			}
		}
		fmt.Printf("   floor %7.0f users/s   one node %7.0f   ratio %.2f   two nodes %7.0f   %.2f of one\n",
			floor, rates[0], rates[0]/floor, rates[1], rates[1]/rates[0])
		floors, ones, twos = append(floors, floor), append(ones, rates[0]), append(twos, rates[1])
		ratios, second = append(ratios, rates[0]/floor), append(second, rates[1]/rates[0])
	}
	fmt.Printf("   median of %d: floor %.0f, one node %.0f users/s, ratio %.2f; two nodes %.0f, %.2f of one\n",
		b.runs, median(floors), median(ones), median(ratios), median(twos), median(second))
	return nil
}

// onNodes provisions the users by way of so many nodes, half of them each where there are two.
func (b *bench) onNodes(ctx context.Context, database *pgtest.Server, name, key string, nodes int, users []client.User) (rate float64, err error) {
	if err := database.Exec(ctx, "CREATE DATABASE "+name); err != nil {
		return 0, err
	}
	running := make([]*server, nodes)
	defer func() {
		for _, s := range running {
			if s != nil && s.process != nil {
				s.stop()
			}
		}
		err = errors.Join(err, database.Exec(ctx, "DROP DATABASE "+name+" WITH (FORCE)"))
	}()
	for i := range running {
		data, err := os.MkdirTemp(b.dir, "node-")
		if err != nil {
			return 0, err
		}
		s := &server{b: b, data: data, where: []string{"--database", database.URL(name), "--master-key", key}}
		running[i] = s
		if i == 0 {
			if err := s.init(ctx); err != nil {
				return 0, err
			}
		}
		if err := s.start(ctx); err != nil {
			return 0, err
		}
	}
	return b.share(ctx, running, users)
}

// share hands the users to the servers, each in its part of them and at the same time, and gives the rate of all.
func (b *bench) share(ctx context.Context, servers []*server, users []client.User) (float64, error) {
	began := time.Now()
	errs := make(chan error, len(servers))
	part := len(users) / len(servers)
	for i, s := range servers {
		c, err := s.client(servers[0].install)
		if err != nil {
			return 0, err
		}
		own := users[i*part : (i+1)*part]
		go func() {
			_, sum, err := provision(ctx, c, own, max(1, b.clients/len(servers)))
			if err == nil && sum.Succeeded != len(own) {
				err = fmt.Errorf("%d of %d users were made", sum.Succeeded, len(own))
			}
			errs <- err
		}()
	}
	var err error
	for range servers {
		err = errors.Join(err, <-errs)
	}
	return float64(part*len(servers)) / time.Since(began).Seconds(), err
}

// copyFloor loads the same user rows and outcome rows by COPY, 1,000 users a transaction, into the same schema with all its
// indexes and the same durability. It gives users/s.
func copyFloor(ctx context.Context, database *pgtest.Server, name string, users []client.User) (rate float64, err error) {
	if err := database.Exec(ctx, "CREATE DATABASE "+name); err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, database.Exec(ctx, "DROP DATABASE "+name+" WITH (FORCE)")) }()
	if err := postgres.Migrate(ctx, database.URL(name), postgres.Options{}); err != nil {
		return 0, err
	}
	c, err := pgx.Connect(ctx, database.URL(name))
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, c.Close(ctx)) }()
	began := time.Now()
	for first := 0; first < len(users); first += batchSize {
		part := users[first:min(first+batchSize, len(users))]
		if err := pgx.BeginFunc(ctx, c, func(tx pgx.Tx) error { return copyBatch(ctx, tx, part, first) }); err != nil {
			return 0, err
		}
	}
	return float64(len(users)) / time.Since(began).Seconds(), nil
}

func copyBatch(ctx context.Context, tx pgx.Tx, users []client.User, first int) error {
	const ids = 1 << 60
	now := time.Now()
	_, err := tx.CopyFrom(ctx, pgx.Identifier{"users"}, []string{
		"tenant", "id", "account", "account_key", "phone", "phone_key", "email", "email_key", "first_name", "surname", "display_name",
		"password_hash", "must_change_password", "token_epoch", "level", "disabled", "department", "capacity_gb", "created_at", "updated_at",
	}, pgx.CopyFromSlice(len(users), func(i int) ([]any, error) {
		u := &users[i]
		return []any{
			int64(1), int64(ids + 2*(first+i)), "", "", u.Phone, u.Phone, u.Email, strings.ToLower(u.Email), u.FirstName, u.Surname, "",
			"", false, int64(0), int16(1), false, int64(1), int64(0), now, now,
		}, nil
	}))
	if err != nil {
		return err
	}
	_, err = tx.CopyFrom(ctx, pgx.Identifier{"outcomes"}, []string{
		"tenant", "batch", "row", "id", "result", "reason", "field", "detail", "user_id", "subject",
	}, pgx.CopyFromSlice(len(users), func(i int) ([]any, error) {
		id := int64(ids + 2*(first+i))
		return []any{int64(1), int64(first), int32(i), id + 1, int16(1), int16(0), "", "", id, users[i].Phone}, nil
	}))
	return err
}
