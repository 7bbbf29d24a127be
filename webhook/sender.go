package webhook

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"muster"
	"muster/outbound"
	"muster/secret"
)

// maxAnswer is how much of an answer is read, so that its connection can be kept.
const maxAnswer = 1 << 10

// SenderConfig is what a [Sender] stands on.
type SenderConfig struct {
	Store      Store
	Keyring    Keyring
	IDs        *muster.IDSource // of audit records
	Now        func() time.Time
	Logger     *slog.Logger
	Registerer prometheus.Registerer
	Allow      []netip.Prefix // as in [Service]
	Roots      *x509.CertPool // verify receivers; nil is the system's
	Every      time.Duration  // between two looks for what is due; zero is a second
}

// Sender sends what is due, on as many nodes as run one.
type Sender struct {
	SenderConfig
	tls, plain *http.Client
	attempts   *prometheus.CounterVec
	slots      chan struct{} // one for each attempt

	mu   sync.Mutex
	busy map[muster.ID]*tenant

	halt   context.CancelFunc // no more is begun
	cancel context.CancelFunc // what has begun is cut off
	work   sync.WaitGroup
}

// tenant is one whose deliveries are being sent.
type tenant struct {
	workers  int
	hooks    []muster.ID // to which something is under way
	claiming sync.Mutex  // one claim at a time, which knows of those before
}

// NewSender makes a sender that does not run yet.
func NewSender(c SenderConfig) (*Sender, error) {
	if c.Every == 0 {
		c.Every = time.Second
	}
	s := &Sender{SenderConfig: c, slots: make(chan struct{}, inAll), busy: make(map[muster.ID]*tenant)}
	s.tls, s.plain = s.client("https"), s.client("http")
	s.attempts = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "muster_webhook_attempts_total", Help: "Attempts to deliver an event to a webhook, by how they ended.",
	}, []string{"state"})
	for _, state := range []State{Waiting, Delivered, Failed} {
		s.attempts.WithLabelValues(state.String())
	}
	if err := c.Registerer.Register(s.attempts); err != nil {
		return nil, fmt.Errorf("webhook: %w", err)
	}
	return s, nil
}

func (s *Sender) client(scheme string) *http.Client {
	return outbound.NewClient(outbound.Options{
		Policy: policyOf(scheme, s.Allow), Roots: s.Roots, Timeout: Timeout, PerHost: perTenant, Kept: inAll,
	})
}

// Start begins to send. The caller stops the sender.
func (s *Sender) Start() {
	calls, cancel := context.WithCancel(context.Background())
	looking, halt := context.WithCancel(calls)
	s.cancel, s.halt = cancel, halt
	s.work.Go(func() { s.look(looking, calls) })
}

// Stop begins nothing more, and returns when what has begun has ended. Once ctx ends, it is cut off, and sent again when
// its lease is over.
func (s *Sender) Stop(ctx context.Context) {
	s.halt()
	stop := context.AfterFunc(ctx, s.cancel)
	s.work.Wait()
	stop()
	s.cancel()
	s.tls.CloseIdleConnections()
	s.plain.CloseIdleConnections()
}

// look looks for what is due until ctx ends. The calls that it causes have a context of their own.
func (s *Sender) look(ctx, calls context.Context) {
	ticker := time.NewTicker(s.Every)
	defer ticker.Stop()
	for trouble := false; ; {
		due, err := s.Store.DueTenants(ctx)
		if err != nil && ctx.Err() == nil && !trouble {
			s.Logger.LogAttrs(ctx, slog.LevelWarn, "webhooks cannot be looked for, which is tried again", slog.Any("error", err))
		}
		trouble = err != nil
		for _, id := range due {
			s.begin(ctx, calls, id)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// begin has one more worker send what is due of a tenant, if there is room for one.
func (s *Sender) begin(ctx, calls context.Context, id muster.ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.busy[id]
	if t == nil {
		t = &tenant{}
		s.busy[id] = t
	}
	if t.workers == perTenant {
		return
	}
	t.workers++
	s.work.Go(func() {
		s.send(ctx, calls, id, t)
		s.mu.Lock()
		defer s.mu.Unlock()
		if t.workers--; t.workers == 0 {
			delete(s.busy, id)
		}
	})
}

// send sends what is due of a tenant, one after the other, until nothing is.
func (s *Sender) send(ctx, calls context.Context, id muster.ID, t *tenant) {
	for {
		select {
		case s.slots <- struct{}{}:
		case <-ctx.Done():
			return
		}
		more, err := s.one(ctx, calls, id, t)
		<-s.slots
		if err != nil && ctx.Err() == nil {
			s.Logger.LogAttrs(ctx, slog.LevelWarn, "a webhook's delivery could not be read or settled, and is tried again",
				slog.String("tenant", id.String()), slog.Any("error", err))
		}
		if !more || err != nil {
			return
		}
	}
}

// one claims a delivery, sends it and says what became of it. It reports whether there was one.
func (s *Sender) one(ctx, calls context.Context, id muster.ID, t *tenant) (more bool, err error) {
	c, err := s.claim(ctx, id, t)
	if c == nil || err != nil {
		return false, err
	}
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		t.hooks = slices.DeleteFunc(t.hooks, func(hook muster.ID) bool { return hook == c.Hook.ID })
	}()
	keys, err := s.open(calls, c)
	if err != nil {
		return false, err
	}
	status, why := s.post(calls, c, keys)
	for _, key := range keys {
		secret.Wipe(key)
	}
	if calls.Err() != nil { // cut off: nobody knows
		return false, calls.Err()
	}
	settled := settlementOf(status, why, c.Attempts)
	s.attempts.WithLabelValues(settled.State.String()).Inc()
	failing, err := s.Store.SettleDelivery(calls, c, settled)
	if err != nil {
		return false, err
	}
	if failing >= FailingFor {
		return true, s.disable(calls, c, &settled)
	}
	return true, nil
}

// claim takes a delivery to a webhook to which nothing is under way, so that one that is slow does not hold up the tenant's
// others.
func (s *Sender) claim(ctx context.Context, id muster.ID, t *tenant) (*Claim, error) {
	t.claiming.Lock()
	defer t.claiming.Unlock()
	s.mu.Lock()
	except := slices.Clone(t.hooks)
	s.mu.Unlock()
	c, err := s.Store.ClaimDelivery(ctx, id, except, Lease)
	if c == nil || err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t.hooks = append(t.hooks, c.Hook.ID)
	return c, nil
}

// open opens the secrets that are alive. If another process rotated their key away, it loads the keys anew and reads the
// webhook, whose secrets are sealed anew, again. The caller wipes them.
func (s *Sender) open(ctx context.Context, c *Claim) ([][]byte, error) {
	keys, err := s.openSecrets(&c.Hook)
	if !errors.Is(err, secret.ErrUnknownKey) {
		return keys, err
	}
	if err := s.Keyring.Reload(ctx); err != nil {
		return nil, err
	}
	h, err := s.Store.Webhook(ctx, c.Hook.Tenant, c.Hook.ID)
	if err != nil {
		return nil, err
	}
	return s.openSecrets(h)
}

func (s *Sender) openSecrets(h *Hook) (keys [][]byte, err error) {
	for _, sealed := range h.Secrets {
		if !sealed.ExpiresAt.IsZero() && !s.Now().Before(sealed.ExpiresAt) {
			continue
		}
		key, err := s.Keyring.OpenSecret(sealed.Sealed, SecretBinding(h.Tenant, h.ID))
		if err != nil {
			for _, key := range keys {
				secret.Wipe(key)
			}
			return nil, fmt.Errorf("open the secret of webhook %s: %w", h.ID, err)
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// post sends a message once. It gives the answer's status, or why there is none, without what it met.
func (s *Sender) post(ctx context.Context, c *Claim, keys [][]byte) (status int, why error) {
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	id, body, err := message(c.Hook.Tenant, &c.Event)
	if err != nil {
		return 0, errors.New("the event is not stored as it was written")
	}
	address, err := url.Parse(c.Hook.URL)
	if err != nil {
		return 0, errors.New("its URL is malformed")
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.Hook.URL, bytes.NewReader(body))
	if err != nil {
		return 0, errors.New("its URL is malformed")
	}
	now := s.Now()
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "Muster-Webhooks/1")
	r.Header.Set("Webhook-Id", id)
	r.Header.Set("Webhook-Timestamp", strconv.FormatInt(now.Unix(), 10))
	r.Header.Set("Webhook-Signature", sign(id, now, body, keys...))
	client := s.tls
	if address.Scheme != "https" {
		client = s.plain
	}
	answer, err := client.Do(r)
	switch {
	case errors.Is(err, outbound.ErrAddress) && address.Scheme != "https":
		return 0, errors.New("its address is called by https alone, see --webhook-allow")
	case errors.Is(err, outbound.ErrAddress):
		return 0, errors.New("its address is not a public one, and none of --webhook-allow")
	case err != nil:
		return 0, outbound.Trouble(err)
	}
	defer func() { _ = answer.Body.Close() }() // nothing of it is kept
	_, _ = io.CopyN(io.Discard, answer.Body, maxAnswer)
	return answer.StatusCode, nil
}

// disable gives up a webhook all of whose deliveries have failed for long.
func (s *Sender) disable(ctx context.Context, c *Claim, last *Settlement) error {
	reason := fmt.Sprintf("All deliveries failed for %d days. %s", FailingFor/(24*time.Hour), last.Problem)
	record, err := muster.NewAudit(s.IDs, muster.AuditRecord{
		Tenant: c.Hook.Tenant, Action: "disable-webhook", Target: "webhook " + c.Hook.ID.String(), Detail: reason,
	})
	if err != nil {
		return err
	}
	_, err = s.Store.UpdateWebhook(muster.WithAudit(ctx, record), c.Hook.Tenant, c.Hook.ID, func(h *Hook) error {
		if h.Disabled || h.FailingSince.IsZero() { // somebody was here meanwhile
			return errLate
		}
		h.Disabled, h.Reason = true, reason
		return nil
	})
	if errors.Is(err, errLate) || muster.KindOf(err) == muster.KindNotFound {
		return nil
	}
	if err == nil {
		s.Logger.LogAttrs(ctx, slog.LevelWarn, "a webhook is disabled, all of whose deliveries failed for long",
			slog.String("tenant", c.Hook.Tenant.String()), slog.String("webhook", c.Hook.ID.String()))
	}
	return err
}

var errLate = errors.New("the webhook is not failing any more")
