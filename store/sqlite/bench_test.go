package sqlite

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"muster"
	"muster/provision"
)

// inhabitants is how many users a benchmark's tenant has before the clock starts.
const inhabitants = 100_000

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
		phone := fmt.Sprintf("%012d", rand.Int64N(1e12))
		*u = muster.User{
			ID: first + muster.ID(i), Phone: phone, PhoneKey: phone, Email: phone + "@example.com", EmailKey: phone + "@example.com",
			FirstName: "Firstname", Surname: "Surname", Level: muster.LevelCommon, Department: 2,
		}
	}
	return users
}

// provision does what the engine does with a batch that creates the users.
func (f *fixture) provision(b *testing.B, users []muster.User) {
	b.Helper()
	f.mustAccept(b, len(users), 100*len(users))
	works, err := f.Next(b.Context(), muster.LaneRef{Tenant: f.tenant, Lane: muster.LaneCreate}, nil, len(users))
	if err != nil {
		b.Fatal(err)
	}
	var keys muster.Keys
	for i := range users {
		keys.Phones = append(keys.Phones, users[i].PhoneKey)
	}
	err = f.Apply(b.Context(), f.tenant, []muster.Chunk{works[0].Chunk}, keys, func(shot muster.Snapshot, live []bool) (*provision.Writes, error) {
		w, err := skipAll(works)(shot, live)
		w.Planned.Insert = users
		w.Planned.Usage.Users += int64(len(users))
		for i := range w.Chunks[0].Outcomes {
			o := &w.Chunks[0].Outcomes[i]
			o.Result, o.Reason, o.User, o.Subject = muster.Succeeded, muster.ReasonNone, users[i].ID, users[i].Phone
		}
		return w, err
	})
	if err != nil {
		b.Fatal(err)
	}
}

// load is the floor: the same users and outcomes, without queue, snapshot or counters, in a transaction of the writer.
func (f *fixture) load(b *testing.B, users []muster.User) {
	b.Helper()
	now := millis(fixtureTime)
	err := f.writer.large(b.Context(), func(c *conn) error {
		err := insertAll(c, insertUser, insertUsers, userColumnCount, len(users), func(args []any, i int) {
			userArgs(args, f.tenant, &users[i], now, now)
		})
		if err != nil {
			return err
		}
		return insertAll(c, insertOutcome, insertOutcomes, outcomeColumnCount, len(users), func(args []any, i int) {
			args[0], args[1], args[2], args[3], args[4] = int64(f.tenant), int64(users[0].ID), i, int64(users[i].ID), int64(muster.Succeeded)
			args[5], args[6], args[7], args[8], args[9] = int64(0), nil, nil, int64(users[i].ID), users[i].Phone
		})
	})
	if err != nil {
		b.Fatal(err)
	}
}

// fill brings the directory to its size.
func (f *fixture) fill(b *testing.B) {
	b.Helper()
	for range inhabitants / muster.ChunkRows {
		f.load(b, f.people(b, muster.ChunkRows))
	}
}

func perSecond(b *testing.B, rows int) {
	b.ReportMetric(float64(rows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

// BenchmarkProvision accepts and applies batches of a thousand new users, each with its fsyncs.
func BenchmarkProvision(b *testing.B) {
	f := openFixture(b, Options{})
	f.fill(b)
	for b.Loop() {
		f.provision(b, f.people(b, muster.ChunkRows))
	}
	perSecond(b, muster.ChunkRows)
}

// BenchmarkFloor loads the same rows with nothing around.
func BenchmarkFloor(b *testing.B) {
	f := openFixture(b, Options{})
	f.fill(b)
	for b.Loop() {
		f.load(b, f.people(b, muster.ChunkRows))
	}
	perSecond(b, muster.ChunkRows)
}

// BenchmarkProvisionExisting sends a thousand users again whom the directory has.
func BenchmarkProvisionExisting(b *testing.B) {
	f := openFixture(b, Options{})
	f.fill(b)
	users := f.people(b, muster.ChunkRows)
	f.load(b, users)
	var keys muster.Keys
	for i := range users {
		keys.Phones = append(keys.Phones, users[i].PhoneKey)
	}
	for b.Loop() {
		f.mustAccept(b, len(users), 100*len(users))
		works, err := f.Next(b.Context(), muster.LaneRef{Tenant: f.tenant, Lane: muster.LaneCreate}, nil, len(users))
		if err != nil {
			b.Fatal(err)
		}
		if err := f.Apply(b.Context(), f.tenant, []muster.Chunk{works[0].Chunk}, keys, skipAll(works)); err != nil {
			b.Fatal(err)
		}
	}
	perSecond(b, muster.ChunkRows)
}

// BenchmarkSnapshot looks up a thousand phones that nobody has, as Prepare does.
func BenchmarkSnapshot(b *testing.B) {
	f := openFixture(b, Options{})
	f.fill(b)
	var keys muster.Keys
	for range muster.ChunkRows {
		keys.Phones = append(keys.Phones, fmt.Sprintf("%013d", rand.Int64N(1e12)))
	}
	for b.Loop() {
		shot, err := f.Snapshot(b.Context(), f.tenant, keys)
		if err != nil || len(shot.Users) > 0 {
			b.Fatal(len(shot.Users), err)
		}
	}
	perSecond(b, muster.ChunkRows)
}

// BenchmarkAccept accepts batches of a thousand rows, from as many goroutines as a busy server has.
func BenchmarkAccept(b *testing.B) {
	f := openFixture(b, Options{})
	b.SetParallelism(32)
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			if _, err := f.accept(context.Background(), muster.ChunkRows, 100*muster.ChunkRows); err != nil {
				b.Error(err)
			}
		}
	})
	perSecond(b, muster.ChunkRows)
}
