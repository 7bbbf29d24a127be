// Package provision is the engine: it accepts batches durably, gives each lane of each tenant its turns, and applies
// rows so that every one gets exactly one outcome, whatever crashes when.
//
// A batch goes through three steps. Submit cuts it into chunks, seals them and stores them in one transaction. Prepare
// opens a chunk, normalises its rows, and hashes the passwords of those that would become users. Apply takes the tenant's
// lock and does the rest in one transaction: the snapshot, [muster.Plan], the users, the outcomes, the end of the chunk.
// A worker that dies holds nothing: its transaction never was.
//
// A batch of many rows is staged in pieces instead ([Engine.Begin]). Its mode says what its rows get: a dry run plans them and
// changes nobody, a commit plans them again before it runs, and one that was cancelled or refused gives the rest of its rows
// their outcomes without doing anything.
package provision

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"muster"
	"muster/mapping/source"
	"muster/password"
	"muster/secret"
)

// Keyring wraps the data keys of batches, opens the secrets of identity systems, and makes keyed hashes; [*secret.Keyring] is one. Its errors are retried, after
// a Reload where the key is one that another node made.
type Keyring interface {
	WrapDataKey(key *secret.DataKey, aad []byte) []byte
	UnwrapDataKey(wrapped, aad []byte) (*secret.DataKey, error)
	OpenSecret(sealed, aad []byte) ([]byte, error)
	MAC(purpose string, data []byte) [32]byte
	Reload(ctx context.Context) error
}

// Hasher makes password hashes; [*password.Pool] is one. Submit blocks while its queue is full, then returns; done is
// called once, from any goroutine, with the PHC string. If Submit fails, done is not called.
type Hasher interface {
	Submit(ctx context.Context, class password.Class, secret []byte, done func(hash string, err error)) error
}

// Config is what an Engine is made of. Fields without a comment on their zero value are mandatory.
type Config struct {
	Store      Store
	Keyring    Keyring
	Hasher     Hasher
	IDs        *muster.IDSource
	Dispatcher Dispatcher
	Now        func() time.Time
	Logger     *slog.Logger
	Registerer prometheus.Registerer

	// DiskFree reports the free and total bytes where the store writes; nil if the store is elsewhere.
	DiskFree func() (free, total uint64, err error)
	// Admission bounds each tenant's queue; zero is MaxQueuedRows and 4 GiB.
	Admission Admission
	// Retention is how long finished batches are kept; zero is 30 days.
	Retention time.Duration
	// AuditRetention is how long it is kept who did what; zero is 400 days.
	AuditRetention time.Duration
	// PurgeEvery is the pause between two rounds of purging; zero is ten minutes.
	PurgeEvery time.Duration
	// ReplayWindow is how long a request's fingerprint is remembered: as long as its date may be accepted. Zero is 16 minutes.
	ReplayWindow time.Duration
	// RefuseReplays refuses the very same signed request a second time, where else it is answered with the first's batch.
	RefuseReplays bool
}

const (
	minFreePercent = 5 // below it Submit is refused and Apply, which erases payloads, goes on

	purgeStep = 1000 // rows that one step of purging deletes at most
)

// Engine accepts and runs batches. All methods are safe for concurrent use.
type Engine struct {
	Config
	metrics     metrics
	pace        pace
	federations federations
	client      *source.Client
	sources     *source.Fetcher[muster.Entry]

	stop    context.CancelFunc
	running sync.WaitGroup
}

// New makes an engine that stands still; see [Engine.Start].
func New(c Config) (*Engine, error) {
	if c.Admission == (Admission{}) {
		c.Admission = Admission{Rows: MaxQueuedRows, Bytes: 4 << 30}
	}
	if c.Retention == 0 {
		c.Retention = 30 * 24 * time.Hour
	}
	if c.AuditRetention == 0 {
		c.AuditRetention = 400 * 24 * time.Hour
	}
	if c.PurgeEvery == 0 {
		c.PurgeEvery = 10 * time.Minute
	}
	if c.ReplayWindow == 0 {
		c.ReplayWindow = 16 * time.Minute
	}
	e := &Engine{Config: c, metrics: newMetrics(), client: source.NewClient(nil, source.Timeout)}
	e.sources = source.NewFetcher[muster.Entry](e.client, c.Now)
	if err := e.metrics.register(c.Registerer); err != nil {
		return nil, err
	}
	return e, nil
}

// Start wakes the lanes that have work since before, and runs turns and purges until Stop. It is called once.
func (e *Engine) Start(ctx context.Context) error {
	pending, err := e.Store.Pending(ctx)
	if err != nil {
		return err
	}
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	e.stop = stop
	for _, lane := range pending {
		e.Dispatcher.Wake(lane)
	}
	duties := Duties{Turn: e.turn, Pending: e.Store.Pending, Round: e.purge, RoundEvery: e.PurgeEvery}
	e.running.Go(func() { e.Dispatcher.Run(run, duties) })
	return nil
}

// Stop ends turns at the next chunk and returns when none runs, or with ctx's error when that ends first. Chunks that
// were not applied wait in the store for the next Start.
func (e *Engine) Stop(ctx context.Context) error {
	e.stop()
	done := make(chan struct{})
	go func() {
		e.running.Wait()
		e.sources.Close()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Ready reports why the engine cannot do its work now, nil if it can: the store does not answer, the clock is behind the
// ids, the disk is nearly full, or lanes wait out a fault.
func (e *Engine) Ready(ctx context.Context) error {
	return errors.Join(e.Store.Ping(ctx), e.IDs.Ready(), e.DiskRoom(), e.Dispatcher.Trouble())
}

// DiskRoom reports, as the error that Submit would give, whether the disk is nearly full.
func (e *Engine) DiskRoom() error {
	if e.DiskFree == nil {
		return nil
	}
	free, total, err := e.DiskFree()
	if err != nil {
		return err
	}
	if free/minFreePercent < total/100 {
		return &muster.Error{
			Kind:       muster.KindUnavailable,
			Detail:     "the disk is nearly full, so no new batch is accepted until space is freed",
			RetryAfter: time.Minute,
		}
	}
	return nil
}

// knowing calls f, and once more with the keys loaded anew if it met one that another node made or took away.
func (e *Engine) knowing(ctx context.Context, f func() error) error {
	err := f()
	if !errors.Is(err, secret.ErrUnknownKey) {
		return err
	}
	if err := e.Keyring.Reload(ctx); err != nil {
		return err
	}
	return f()
}
