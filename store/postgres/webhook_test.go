package postgres

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"muster"
	"muster/provision"
	"muster/webhook"
)

// plainKeys seal nothing.
type plainKeys struct{}

func (plainKeys) SealSecret([]byte, []byte) []byte { return blob() }
func (plainKeys) OpenSecret(sealed, _ []byte) ([]byte, error) {
	return append([]byte(nil), sealed...), nil
}
func (plainKeys) Reload(context.Context) error { return nil }

// TestSendersOfSeveralNodes: each event is sent once, whichever node comes to it first, though all of them look all the time.
func TestSendersOfSeveralNodes(t *testing.T) {
	t.Parallel()
	const events, hooks, tenants = 8, 2, 2
	f := openFixture(t, Options{})
	f.newTenant(t, 2)
	var mu sync.Mutex
	got := make(map[string]int) // by path and id
	all := make(chan struct{}, events*hooks*tenants+1)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		got[r.URL.Path+" "+r.Header.Get("webhook-id")]++
		all <- struct{}{}
	}))
	t.Cleanup(server.Close)
	service := webhook.Service{Store: f, Keyring: plainKeys{}, IDs: f.ids, Now: time.Now, Anywhere: true}
	for tenant := range muster.ID(tenants) {
		for _, path := range []string{"/a", "/b"} {
			if _, err := service.Create(t.Context(), tenant+1, webhook.New{URL: server.URL + path}); err != nil {
				t.Fatal(err)
			}
		}
	}
	for range 3 {
		f.startSender(t)
	}
	for n := range muster.ID(events) {
		for tenant := range muster.ID(tenants) {
			f.happen(t, tenant+1, 100+n)
		}
	}
	for range events * hooks * tenants {
		select {
		case <-all:
		case <-time.After(2 * time.Minute):
			t.Fatal("not everything is sent")
		}
	}
	for deadline := time.Now().Add(2 * time.Minute); ; <-time.After(5 * time.Millisecond) {
		due := f.query(t, "SELECT event::text FROM webhook_deliveries WHERE state = 1")
		if len(due) == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("events %s still wait", due)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if len(got) != events*hooks*tenants {
		t.Errorf("%d messages of %d came", len(got), events*hooks*tenants)
	}
	for message, n := range got {
		if n != 1 {
			t.Errorf("%s came %d times", message, n)
		}
	}
}

// startSender starts one of a node of its own, which ends with the test.
func (f *fixture) startSender(t *testing.T) {
	t.Helper()
	s, err := webhook.NewSender(webhook.SenderConfig{
		Store: open(t, f.url, Options{}), Keyring: plainKeys{}, IDs: f.ids, Now: time.Now, Logger: slog.New(slog.DiscardHandler),
		Registerer: prometheus.NewRegistry(), Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Every: 5 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Stop(context.Background()) })
}

// happen makes a user, which webhooks are told.
func (f *fixture) happen(t *testing.T, tenant, user muster.ID) {
	t.Helper()
	err := f.Apply(t.Context(), tenant, nil, muster.Keys{}, func(shot muster.Snapshot, _ []bool) (*provision.Writes, error) {
		w := &provision.Writes{Now: fixtureTime, Planned: muster.Planned{Usage: shot.Usage}}
		w.Planned.Insert = []muster.User{{ID: user, Level: muster.LevelCommon}}
		return w, nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
