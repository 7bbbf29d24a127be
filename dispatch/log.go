package dispatch

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// sayAgainAfter is how long River is not heard again when it says the same: while the database is away, it fails several
// times a second.
const sayAgainAfter = 10 * time.Second

// riverLog passes on what River logs. Its errors are warnings: it tries again, and what becomes of a lane is logged by this
// package. What it finds worth knowing is for debugging.
type riverLog struct {
	to   slog.Handler
	said *said
}

func newRiverLog(to slog.Handler) *riverLog {
	return &riverLog{to: to, said: &said{at: make(map[string]time.Time)}}
}

// said is what was logged lately, by text.
type said struct {
	mu sync.Mutex
	at map[string]time.Time
}

// again reports whether the text was logged within sayAgainAfter of now. The texts are River's own, so that they are few.
func (s *said) again(text string, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.Sub(s.at[text]) < sayAgainAfter {
		return true
	}
	s.at[text] = now
	return false
}

func levelFor(level slog.Level) slog.Level {
	switch {
	case level >= slog.LevelWarn:
		return slog.LevelWarn
	default:
		return slog.LevelDebug
	}
}

// Enabled implements [slog.Handler].
func (l *riverLog) Enabled(ctx context.Context, level slog.Level) bool {
	return l.to.Enabled(ctx, levelFor(level))
}

// Handle implements [slog.Handler].
func (l *riverLog) Handle(ctx context.Context, r slog.Record) error {
	r.Level = levelFor(r.Level)
	if r.Level >= slog.LevelWarn && (ctx.Err() != nil || l.said.again(r.Message, r.Time)) { // what was stopped fails
		return nil //nolint:nilerr // not to log is no error
	}
	return l.to.Handle(ctx, r)
}

// WithAttrs implements [slog.Handler].
func (l *riverLog) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &riverLog{to: l.to.WithAttrs(attrs), said: l.said}
}

// WithGroup implements [slog.Handler].
func (l *riverLog) WithGroup(name string) slog.Handler {
	return &riverLog{to: l.to.WithGroup(name), said: l.said}
}
