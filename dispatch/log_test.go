package dispatch

import (
	"bytes"
	"context"
	"log/slog"
	"testing"
	"time"
)

// River's errors are warnings, of which the same is said once in a while; what it finds worth knowing is for debugging.
func TestRiverLog(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	handler := slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelInfo, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}})
	logger := slog.New(newRiverLog(handler)).With("of", "river")
	now := time.Unix(1000, 0)
	say := func(ctx context.Context, after time.Duration, level slog.Level, text string) {
		r := slog.NewRecord(now.Add(after), level, text, 0)
		if logger.Enabled(ctx, level) {
			if err := logger.Handler().Handle(ctx, r); err != nil {
				t.Fatal(err)
			}
		}
	}
	stopped, stop := context.WithCancel(t.Context())
	stop()
	say(t.Context(), 0, slog.LevelInfo, "River client started")
	say(t.Context(), 0, slog.LevelError, "Error fetching jobs")
	say(t.Context(), 9*time.Second, slog.LevelError, "Error fetching jobs")
	say(t.Context(), 9*time.Second, slog.LevelWarn, "Job appears to be stuck")
	say(t.Context(), 11*time.Second, slog.LevelError, "Error fetching jobs")
	say(stopped, 12*time.Second, slog.LevelError, "Error committing transaction")
	want := `level=WARN msg="Error fetching jobs" of=river
level=WARN msg="Job appears to be stuck" of=river
level=WARN msg="Error fetching jobs" of=river
`
	if out.String() != want {
		t.Errorf("logged:\n%s\nwant:\n%s", &out, want)
	}
}
