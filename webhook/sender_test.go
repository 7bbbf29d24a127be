package webhook_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"muster"
	"muster/webhook"
)

// TestWhatHappensIsSent: signed, with the same id and body at every attempt, until somebody takes it.
func TestWhatHappensIsSent(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var calls atomic.Int64
	r := receive(t, func(w http.ResponseWriter, _ *http.Request) {
		if calls.Add(1) < 3 {
			w.WriteHeader(http.StatusServiceUnavailable)
			io.WriteString(w, strings.Repeat("what nobody keeps", 100_000))
		}
	})
	made := b.create(t, r.URL+"/hook?a=b")
	b.happen(t, b.tenant, 77, 78)
	happened := b.clock.Now()
	b.start(t)
	first := r.next(t)
	if first.Type != "users.changed" || !first.At.Equal(happened) || first.Tenant != b.tenant || len(first.Data.Changes) != 2 ||
		first.Data.Changes[0] != (webhook.Change{User: 77, What: "created"}) {
		t.Errorf("the message is %s", first.body)
	}
	all := b.settled(t, made.Hook, 1)
	if d := all[0]; d.State != webhook.Waiting || d.Status != 503 || d.Problem != "It answered with status 503, which is none from 200 to 299." ||
		!d.NextAt.Equal(happened.Add(5*time.Second)) || first.header.Get("webhook-id") != b.tenant.String()+"-"+d.Event.String() {
		t.Errorf("after the first attempt: %+v", d)
	}
	for i, wait := range []time.Duration{5 * time.Second, 5 * time.Minute} {
		b.clock.Advance(wait)
		m := r.next(t)
		if m.body != first.body || m.header.Get("webhook-id") != first.header.Get("webhook-id") || !m.signed(made.Secret) ||
			m.header.Get("webhook-timestamp") != strconv.FormatInt(b.clock.Now().Unix(), 10) {
			t.Errorf("attempt %d: %v %s", i+2, m.header, m.body)
		}
		b.settled(t, made.Hook, i+2)
	}
	if d := b.settled(t, made.Hook, 3)[0]; d.State != webhook.Delivered || d.Status != 200 || d.Problem != "" || !d.NextAt.IsZero() {
		t.Errorf("in the end: %+v", d)
	}
	if !first.signed(made.Secret) || first.header.Get("Content-Type") != "application/json" {
		t.Errorf("header %v", first.header)
	}
	if text := b.logs.String(); strings.Contains(text, "nobody keeps") || strings.Contains(text, r.URL) || strings.Contains(text, "created") {
		t.Errorf("the log has %s", text)
	}
}

// TestBothSecretsSign while a rotation overlaps, and then the new one alone.
func TestBothSecretsSign(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r := receive(t, status(204))
	made := b.create(t, r.URL)
	rotated, err := b.service.Rotate(t.Context(), b.tenant, made.Hook.ID, "")
	must(t, err)
	b.start(t)
	for _, c := range []struct {
		later    time.Duration
		old, new bool
	}{{0, true, true}, {webhook.Overlap - time.Second, true, true}, {time.Second, false, true}} {
		b.clock.Advance(c.later)
		b.happen(t, b.tenant)
		m := r.next(t)
		if m.signed(made.Secret) != c.old || m.signed(rotated.Secret) != c.new {
			t.Errorf("%s later: signed with the old %t, with the new %t", c.later, m.signed(made.Secret), m.signed(rotated.Secret))
		}
	}
	foreign := "whsec_" + base64.StdEncoding.EncodeToString(make([]byte, 32))
	b.happen(t, b.tenant)
	if m := r.next(t); m.signed(foreign) {
		t.Error("a secret that nobody has signs")
	}
}

// TestWhatCannotBeDelivered tells why, and nothing of what it met.
func TestWhatCannotBeDelivered(t *testing.T) {
	t.Parallel()
	b := setup(t)
	elsewhere := receive(t, status(200))
	redirecting := receive(t, func(w http.ResponseWriter, q *http.Request) {
		http.Redirect(w, q, elsewhere.URL, http.StatusTemporaryRedirect)
	})
	untrusted := httptest.NewUnstartedServer(status(200))
	untrusted.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug) // of the handshake that breaks off
	untrusted.StartTLS()
	t.Cleanup(untrusted.Close)
	breaking := receive(t, func(w http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) })
	closed, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	must(t, err)
	nobody := "http://" + closed.Addr().String()
	must(t, closed.Close())
	_, port, err := net.SplitHostPort(elsewhere.Listener.Addr().String())
	must(t, err)
	const private = "The attempt failed: its address is not a public one, and none of --webhook-allow."
	const plain = "The attempt failed: its address is called by https alone, see --webhook-allow."
	b.service.Anywhere = true // what is said before is no matter here
	hooks := make(map[string]*webhook.Hook)
	cases := map[string]string{
		redirecting.URL:                     "It answered with status 307, which is none from 200 to 299.",
		untrusted.URL:                       "The attempt failed: its certificate cannot be verified.",
		breaking.URL:                        "The attempt failed: it cannot be reached, or broke the connection off.",
		nobody:                              "The attempt failed: it cannot be reached, or broke the connection off.",
		"https://10.0.0.1:" + port:          private,
		"https://[::1]:" + port:             private,
		"https://0.0.0.0:" + port:           private,
		"https://[::ffff:10.0.0.1]:" + port: private,
		"https://169.254.169.254/latest":    private,
		"https://[64:ff9b::a00:1]/":         private,
		"https://[fd00:ec2::254]/":          private,
		"http://8.8.8.8/":                   plain,
		"http://[::]:" + port:               plain,
	}
	for url := range cases {
		hooks[url] = b.create(t, url).Hook
	}
	b.happen(t, b.tenant, 77)
	b.start(t)
	for url, want := range cases {
		if d := b.settled(t, hooks[url], 1)[0]; d.Problem != want || d.State != webhook.Waiting {
			t.Errorf("%s: %+v, want %s", url, d, want)
		}
	}
	if len(elsewhere.got) > 0 {
		t.Error("a redirect was followed, or a private address called")
	}
}

// TestTrustedReceiversAreCalledByTLS, and such as are allowed by name.
func TestTrustedReceiversAreCalledByTLS(t *testing.T) {
	t.Parallel()
	b := setup(t)
	server := httptest.NewTLSServer(status(200))
	t.Cleanup(server.Close)
	made := b.create(t, server.URL)
	b.happen(t, b.tenant, 77)
	b.start(t, func(c *webhook.SenderConfig) {
		c.Roots = server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	})
	if d := b.settled(t, made.Hook, 1)[0]; d.State != webhook.Delivered {
		t.Errorf("it is %+v", d)
	}
}

// TestAWebhookIsGivenUp once all of its deliveries have failed for five days, which the audit trail tells.
func TestAWebhookIsGivenUp(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r := receive(t, status(500))
	made := b.create(t, r.URL)
	b.happen(t, b.tenant)
	b.start(t)
	attempts := []time.Duration{0, 5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour}
	for i, wait := range attempts {
		b.clock.Advance(wait)
		r.next(t)
		b.settled(t, made.Hook, i+1)
	}
	if d := b.settled(t, made.Hook, len(attempts))[0]; d.State != webhook.Failed || !d.NextAt.IsZero() {
		t.Errorf("after all attempts: %+v", d)
	}
	if h, err := b.store.Webhook(t.Context(), b.tenant, made.Hook.ID); err != nil || h.Disabled {
		t.Errorf("given up after %s: %+v, %v", b.clock.Now().Sub(h.FailingSince), h, err)
	}
	b.clock.Advance(48 * time.Hour)
	b.happen(t, b.tenant)
	r.next(t)
	const reason = "All deliveries failed for 5 days. It answered with status 500, which is none from 200 to 299."
	b.deliveries(t, made.Hook, func([]webhook.Delivery) bool {
		h, err := b.store.Webhook(t.Context(), b.tenant, made.Hook.ID)
		return err == nil && h.Disabled && h.Reason == reason
	})
	trail, err := b.store.Audit(t.Context(), b.tenant, muster.AuditQuery{Limit: 10})
	must(t, err)
	if len(trail.Records) != 1 {
		t.Fatalf("the trail is %+v", trail.Records)
	}
	got := trail.Records[0]
	want := muster.AuditRecord{Tenant: b.tenant, ID: got.ID, Action: "disable-webhook", Target: "webhook " + made.Hook.ID.String(), Detail: reason}
	if got != want {
		t.Errorf("the record is %+v, want %+v", got, want)
	}
	b.happen(t, b.tenant) // which nobody is told
	if all := b.settled(t, made.Hook, 1); len(all) != 2 {
		t.Errorf("there are %d deliveries", len(all))
	}
}

// TestSlowReceiversHoldUpNobody: neither another webhook of the tenant nor another tenant, and at most two are called at once.
func TestSlowReceiversHoldUpNobody(t *testing.T) {
	t.Parallel()
	b := setup(t)
	release := make(chan struct{})
	slow := receive(t, func(http.ResponseWriter, *http.Request) { <-release })
	fast := receive(t, status(200))
	b.create(t, slow.URL)
	for range 3 {
		b.happen(t, b.tenant)
	}
	b.start(t)
	slow.next(t) // the one that is under way
	quick := b.create(t, fast.URL)
	foreign, err := b.service.Create(t.Context(), b.other, webhook.New{URL: fast.URL})
	must(t, err)
	for range 3 {
		b.happen(t, b.tenant)
	}
	b.happen(t, b.other)
	b.settled(t, quick.Hook, 1)
	b.settled(t, foreign.Hook, 1)
	if len(slow.got) > 0 {
		t.Error("a receiver that was slow got two messages at once")
	}
	close(release)
	for range 5 {
		slow.next(t)
	}
}

// TestWhatWasCommittedIsSentAfterAll, though the process ends between the commit and the message, or amid it.
func TestWhatWasCommittedIsSentAfterAll(t *testing.T) {
	t.Parallel()
	b := setup(t)
	began, hang := make(chan struct{}, 1), make(chan struct{})
	var answers atomic.Bool
	r := receive(t, func(_ http.ResponseWriter, q *http.Request) {
		if !answers.Load() {
			began <- struct{}{}
			select {
			case <-q.Context().Done():
			case <-hang:
			}
		}
	})
	t.Cleanup(func() { close(hang) })
	made := b.create(t, r.URL)
	b.happen(t, b.tenant, 77)
	again := func() {
		must(t, b.keyring.Close())
		must(t, b.store.Close())
		b.open(t)
		b.service.Store, b.service.Keyring = b.store, b.keyring
	}
	again()
	s, err := webhook.NewSender(b.config())
	must(t, err)
	s.Start()
	<-began
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	s.Stop(ended) // cuts it off
	again()
	answers.Store(true)
	b.start(t)
	first := r.next(t)
	b.clock.Advance(webhook.Lease)
	second := r.next(t)
	if first.body != second.body || first.header.Get("webhook-id") != second.header.Get("webhook-id") || len(second.Data.Changes) != 1 {
		t.Errorf("first %s, then %s", first.body, second.body)
	}
	if d := b.settled(t, made.Hook, 1)[0]; d.State != webhook.Delivered || d.Attempts != 1 {
		t.Errorf("it is %+v", d)
	}
}

// TestKeysRotateMeanwhile: a sender that has not heard of it opens secrets with the new key.
func TestKeysRotateMeanwhile(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r := receive(t, status(200))
	made := b.create(t, r.URL)
	other := b.openKeyring(t)
	if _, err := other.Rotate(t.Context(), b.store); err != nil {
		t.Fatal(err)
	}
	b.happen(t, b.tenant, 77)
	b.start(t)
	if m := r.next(t); !m.signed(made.Secret) {
		t.Error("it is not signed")
	}
	b.create(t, r.URL) // sealed under the key that is gone, and then under the new one
}

var errTrouble = errors.New("the disk is on fire")

// troubled is a store that fails for a while.
type troubled struct {
	webhook.Store
	left atomic.Int64
}

func (s *troubled) DueTenants(ctx context.Context) ([]muster.ID, error) {
	if s.left.Add(-1) >= 0 {
		return nil, errTrouble
	}
	return s.Store.DueTenants(ctx)
}

func (s *troubled) ClaimDelivery(ctx context.Context, tenant muster.ID, except []muster.ID, lease time.Duration) (*webhook.Claim, error) {
	if s.left.Add(-1) >= -5 {
		return nil, errTrouble
	}
	return s.Store.ClaimDelivery(ctx, tenant, except, lease)
}

func TestTroubleIsTriedAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r := receive(t, status(200))
	b.create(t, r.URL)
	b.happen(t, b.tenant, 77)
	s := &troubled{Store: b.store}
	s.left.Store(3)
	b.start(t, func(c *webhook.SenderConfig) { c.Store = s })
	r.next(t)
	if n := strings.Count(b.logs.String(), "cannot be looked for"); n != 1 {
		t.Errorf("trouble that lasts is told %d times: %s", n, b.logs)
	}
}

// TestTenantsHearOfTheirOwn.
func TestTenantsHearOfTheirOwn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ours, theirs := receive(t, status(200)), receive(t, status(200))
	b.create(t, ours.URL)
	_, err := b.service.Create(t.Context(), b.other, webhook.New{URL: theirs.URL})
	must(t, err)
	b.start(t)
	for i := range 3 {
		b.happen(t, b.tenant, muster.ID(10+i))
		b.happen(t, b.other, muster.ID(20+i))
	}
	got := make(map[string]bool)
	for range 3 {
		for _, c := range []struct {
			r      *receiver
			tenant muster.ID
		}{{ours, b.tenant}, {theirs, b.other}} {
			m := c.r.next(t)
			if m.Tenant != c.tenant || !strings.HasPrefix(m.header.Get("webhook-id"), c.tenant.String()+"-") || len(m.Data.Changes) != 1 {
				t.Errorf("tenant %s gets %s", c.tenant, m.body)
				continue
			}
			got[fmt.Sprintf("%t %s", c.tenant == b.tenant, m.Data.Changes[0].User)] = true
		}
	}
	for i := range 3 {
		if !got[fmt.Sprintf("true %d", 10+i)] || !got[fmt.Sprintf("false %d", 20+i)] {
			t.Errorf("what came was %v", got)
		}
	}
}
