package sqlite

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"muster"
	"muster/directory"
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
		phone := fmt.Sprintf("%015d", rand.Int64N(1e15)) // as long as they may be, so that no two are the same
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
		keys.Phones = append(keys.Phones, fmt.Sprintf("%016d", rand.Int64N(1e12)))
	}
	for b.Loop() {
		shot, err := f.Snapshot(b.Context(), f.tenant, keys)
		if err != nil || len(shot.Users) > 0 {
			b.Fatal(len(shot.Users), err)
		}
	}
	perSecond(b, muster.ChunkRows)
}

// grow makes about n departments, in three levels: groups, of which there are groups, parts of them, and in each part leaves
// of leaf's names. It gives them all.
func (f *fixture) grow(b *testing.B, groups, parts, leaves int, leaf func(part, leaf int) string) []muster.Department {
	b.Helper()
	var all []muster.Department
	err := f.ChangeDepartments(b.Context(), f.tenant, func(r directory.Reader) (*directory.Writes, error) {
		root, err := r.At("")
		if err != nil {
			return nil, err
		}
		add := func(parent *muster.Department, name string) *muster.Department {
			id, err := f.ids.Next()
			if err != nil {
				b.Error(err)
			}
			all = append(all, parent.Child(id, name, fixtureTime))
			d := all[len(all)-1]
			return &d
		}
		for g := range groups {
			group := add(root, fmt.Sprintf("group %d", g))
			for p := range parts {
				part := add(group, fmt.Sprintf("part %d", g*parts+p))
				for l := range leaves {
					add(part, leaf(g*parts+p, l))
				}
			}
		}
		return &directory.Writes{Insert: all}, nil
	})
	if err != nil {
		b.Fatal(err)
	}
	return all
}

// BenchmarkSnapshotDepartments resolves the departments of a thousand rows.
func BenchmarkSnapshotDepartments(b *testing.B) {
	unique := func(part, leaf int) string { return fmt.Sprintf("leaf %d-%d", part, leaf) }
	same := func(_, leaf int) string { return fmt.Sprintf("leaf %d", leaf) }
	name := func(d *muster.Department) string { return d.Name }
	path := func(d *muster.Department) string { return d.NamePath[1:] }
	for _, c := range []struct {
		name                  string
		groups, parts, leaves int
		leaf                  func(part, leaf int) string
		ref                   func(*muster.Department) string
	}{
		{"10 departments, names", 1, 1, 8, unique, name},
		{"10,000 departments, names", 10, 20, 50, unique, name},
		{"10,000 departments, paths", 10, 20, 50, unique, path},
		{"10,000 departments, nowhere", 10, 20, 50, unique, func(d *muster.Department) string { return d.Name + "?" }},
		{"10,000 departments, half of one name", 10, 500, 1, same, name},
	} {
		b.Run(c.name, func(b *testing.B) {
			f := openFixture(b, Options{})
			all := f.grow(b, c.groups, c.parts, c.leaves, c.leaf)
			groups := []muster.ID{2}
			for i := range all {
				if all[i].Level() == 1 {
					groups = append(groups, all[i].ID)
				}
			}
			named := make(map[muster.DepartmentRef]bool)
			for i := range all {
				if r := (muster.DepartmentRef{Base: groups[i%len(groups)], Path: c.ref(&all[i])}); len(named) < muster.ChunkRows {
					named[r] = true
				}
			}
			keys := muster.Keys{Departments: slices.Collect(maps.Keys(named))}
			for b.Loop() {
				if _, err := f.Snapshot(b.Context(), f.tenant, keys); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(len(keys.Departments)), "references")
		})
	}
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
