package postgres

import (
	"context"
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"muster"
	"muster/provision"
	"muster/store/postgres/pgtest"
)

// directorySize is how many users a benchmark's tenant has before the clock starts.
const directorySize = 100_000

// benchmarked is a store whose commits wait for the disk, on a server of its own.
type benchmarked struct {
	*fixture
	own *pgtest.Server
}

func openBenchmarked(b *testing.B) *benchmarked {
	b.Helper()
	f, own := durableFixture(b)
	return &benchmarked{f, own}
}

// people makes n users in random key order, with the keys that a KooDrive batch gives them.
func (f *fixture) people(b *testing.B, n int) []muster.User {
	b.Helper()
	first, err := f.ids.Run(n)
	if err != nil {
		b.Fatal(err)
	}
	users := make([]muster.User, n)
	for i := range users {
		u := &users[i]
		phone := fmt.Sprintf("%015d", rand.Int64N(1e15))
		*u = muster.User{
			ID: first + muster.ID(i), Phone: phone, PhoneKey: phone, Email: phone + "@example.com", EmailKey: phone + "@example.com",
			FirstName: "Firstname", Surname: "Surname", Level: muster.LevelCommon, Department: 2,
		}
	}
	return users
}

func phonesOf(users []muster.User) muster.Keys {
	var keys muster.Keys
	for i := range users {
		keys.Phones = append(keys.Phones, users[i].PhoneKey)
	}
	return keys
}

// create gives the users of a batch that creates them.
func create(works []provision.Work, users []muster.User) provision.Decide {
	return func(shot muster.Snapshot, live []bool) (*provision.Writes, error) {
		w, err := skipAll(works)(shot, live)
		w.Planned.Insert = users
		w.Planned.Usage.Users += int64(len(users))
		for i := range w.Chunks[0].Outcomes {
			o := &w.Chunks[0].Outcomes[i]
			o.Result, o.Reason, o.User, o.Subject = muster.Succeeded, muster.ReasonNone, users[i].ID, users[i].Phone
		}
		return w, err
	}
}

// provision does what the engine does with a batch that creates the users.
func (f *fixture) provision(b *testing.B, users []muster.User) {
	b.Helper()
	f.mustAccept(b, len(users), 100*len(users))
	f.applyUsers(b, users)
}

func (f *fixture) applyUsers(b *testing.B, users []muster.User) {
	b.Helper()
	works := f.works(b, len(users))
	if err := f.Apply(b.Context(), f.tenant, chunksOf(works), phonesOf(users), create(works, users)); err != nil {
		b.Fatal(err)
	}
}

// load is the floor: the same users and outcomes by COPY, as a plain loader does it, in a transaction.
func (f *fixture) load(b *testing.B, users []muster.User) {
	b.Helper()
	ctx := b.Context()
	err := pgx.BeginFunc(ctx, f.pool, func(tx pgx.Tx) error {
		_, err := tx.CopyFrom(ctx, pgx.Identifier{"users"}, []string{
			"tenant", "id", "account", "account_key", "phone", "phone_key", "email", "email_key", "first_name", "surname", "display_name",
			"password_hash", "must_change_password", "token_epoch", "level", "disabled", "department", "capacity_gb", "created_at", "updated_at",
		}, pgx.CopyFromSlice(len(users), func(i int) ([]any, error) {
			u := &users[i]
			return []any{
				int64(f.tenant), int64(u.ID), u.Account, u.AccountKey, u.Phone, u.PhoneKey, u.Email, u.EmailKey, u.FirstName, u.Surname, u.DisplayName,
				u.PasswordHash, u.MustChangePassword, u.TokenEpoch, int16(u.Level), u.Disabled, int64(u.Department), u.CapacityGB, fixtureTime, fixtureTime,
			}, nil
		}))
		if err != nil {
			return err
		}
		_, err = tx.CopyFrom(ctx, pgx.Identifier{"outcomes"}, []string{
			"tenant", "batch", "row", "id", "result", "reason", "field", "detail", "user_id", "subject",
		}, pgx.CopyFromSlice(len(users), func(i int) ([]any, error) {
			u := &users[i]
			return []any{int64(f.tenant), int64(users[0].ID), int32(i), int64(u.ID), int16(muster.Succeeded), int16(0), "", "", int64(u.ID), u.Phone}, nil
		}))
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
}

// fill brings the directory to its size.
func (f *fixture) fill(b *testing.B) {
	b.Helper()
	for range directorySize / muster.ChunkRows {
		f.load(b, f.people(b, muster.ChunkRows))
	}
}

// processorTime is what this process and the server have taken.
func (f *benchmarked) processorTime(b *testing.B) time.Duration {
	b.Helper()
	used, err := f.own.CPUTime()
	if err != nil {
		b.Fatal(err)
	}
	var self syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &self); err != nil {
		b.Fatal(err)
	}
	return used + time.Duration(self.Utime.Nano()+self.Stime.Nano())
}

// measure runs a step of ChunkRows rows again and again, and says how many rows that is in a second, and in a second of
// processor time.
func (f *benchmarked) measure(b *testing.B, step func()) {
	b.Helper()
	before := f.processorTime(b)
	for b.Loop() {
		step()
	}
	used := f.processorTime(b) - before
	rows := float64(muster.ChunkRows) * float64(b.N)
	b.ReportMetric(rows/b.Elapsed().Seconds(), "rows/s")
	b.ReportMetric(rows/used.Seconds(), "rows/cpu-s")
}

// BenchmarkProvision accepts and applies batches of a thousand new users.
func BenchmarkProvision(b *testing.B) {
	f := openBenchmarked(b)
	f.fill(b)
	f.measure(b, func() { f.provision(b, f.people(b, muster.ChunkRows)) })
}

// BenchmarkFloor loads the same rows with nothing around.
func BenchmarkFloor(b *testing.B) {
	f := openBenchmarked(b)
	f.fill(b)
	f.measure(b, func() { f.load(b, f.people(b, muster.ChunkRows)) })
}

// BenchmarkProvisionExisting sends a thousand users again whom the directory has.
func BenchmarkProvisionExisting(b *testing.B) {
	f := openBenchmarked(b)
	f.fill(b)
	users := f.people(b, muster.ChunkRows)
	f.load(b, users)
	f.measure(b, func() {
		f.mustAccept(b, len(users), 100*len(users))
		works := f.works(b, len(users))
		if err := f.Apply(b.Context(), f.tenant, chunksOf(works), phonesOf(users), skipAll(works)); err != nil {
			b.Fatal(err)
		}
	})
}

// BenchmarkSnapshot looks up a thousand phones that nobody has, as Prepare does.
func BenchmarkSnapshot(b *testing.B) {
	f := openBenchmarked(b)
	f.fill(b)
	var keys muster.Keys
	for range muster.ChunkRows {
		keys.Phones = append(keys.Phones, fmt.Sprintf("%016d", rand.Int64N(1e15)))
	}
	f.measure(b, func() {
		shot, err := f.Snapshot(b.Context(), f.tenant, keys)
		if err != nil || len(shot.Users) > 0 {
			b.Fatal(len(shot.Users), err)
		}
	})
}

// BenchmarkAccept accepts batches of a thousand rows, from as many goroutines as a busy server has.
func BenchmarkAccept(b *testing.B) {
	f := openBenchmarked(b)
	b.SetParallelism(32)
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			if _, err := f.Accept(context.Background(), f.acceptance(b, muster.ChunkRows, 100*muster.ChunkRows)); err != nil {
				b.Error(err)
			}
		}
	})
	b.ReportMetric(muster.ChunkRows*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}
