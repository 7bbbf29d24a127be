package postgres

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"muster"
)

func TestOneProcessAtATimeIsTheFirst(t *testing.T) {
	t.Parallel()
	f := openFixture(t, Options{})
	stores := []*Store{f.Store, open(t, f.url, Options{Pooled: true})}
	var inside, made atomic.Int32
	var starting sync.WaitGroup
	for i := range 8 {
		starting.Go(func() {
			s := stores[i%2]
			err := s.First(t.Context(), func(ctx context.Context) error {
				if inside.Add(1) > 1 {
					t.Error("two are first at once")
				}
				defer inside.Add(-1)
				_, err := s.Tenant(ctx, 77)
				if muster.KindOf(err) == muster.KindNotFound {
					made.Add(1)
					tenant := &muster.Tenant{ID: 77, Name: "made", RootDepartment: 2, CreatedAt: fixtureTime}
					return s.CreateTenant(ctx, tenant, &muster.User{ID: 5, Account: "admin", AccountKey: "admin"}, 5)
				}
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	starting.Wait()
	if made.Load() != 1 {
		t.Errorf("it was made by %d", made.Load())
	}
	no := errors.New("no")
	if err := f.First(t.Context(), func(context.Context) error { return no }); !errors.Is(err, no) {
		t.Errorf("got %v, want the function's own error", err)
	}
}

func TestADatabaseWithoutSchemaIsLeftAlone(t *testing.T) {
	t.Parallel()
	url := server.Database(t, "")
	if _, err := Open(t.Context(), url, Options{Existing: true}); !errors.Is(err, ErrEmpty) {
		t.Fatalf("got %v, want ErrEmpty", err)
	}
	s, err := connect(t.Context(), url, &Options{})
	if err != nil {
		t.Fatal(err)
	}
	f := fixture{Store: s}
	if tables := f.query(t, "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"); len(tables) > 0 {
		t.Errorf("tables were made: %q", tables)
	}
	closeStore(t, s)
	closeStore(t, open(t, url, Options{}))
	open(t, url, Options{Existing: true})
}

func TestNamesOfDatabases(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"postgres://muster:hunter2@db.example.com/people":              "db.example.com:5432/people",
		"postgres://muster@[::1]:6432/people?sslmode=disable":          "[::1]:6432/people",
		"host=a,b port=1,2 user=muster password=hunter2":               "a:1/muster",
		"postgres://muster:hunter2@a:1,b:2/people?sslmode=verify-full": "a:1/people",
	} {
		if got, err := Name(url); err != nil || got != want {
			t.Errorf("%q, %v; want %q", got, err, want)
		}
	}
	if got, err := Name("postgres://muster:hunter2@a:b/people"); err == nil {
		t.Errorf("a port that is no number: %q", got)
	}
}
