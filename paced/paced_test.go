package paced_test

import (
	"errors"
	"net/http"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"muster/paced"
)

// A body has to come at a pace, of which only the waiting for it counts.
func TestABodyThatComesSlowly(t *testing.T) {
	t.Parallel()
	var deadline time.Time
	synctest.Test(t, func(t *testing.T) {
		w := &slowConnection{deadline: &deadline}
		c := w.connection(t)
		b, err := c.Body(1 << 30)
		if err != nil {
			t.Fatal(err)
		}
		start, read := time.Now(), 0
		for {
			n, err := b.Read(make([]byte, 4<<10)) // 4 KiB a second
			if read += n; err != nil {
				if !errors.Is(err, paced.ErrTooSlow) {
					t.Error(err)
				}
				break
			}
			time.Sleep(time.Hour) // is ours
		}
		if waited := time.Since(start) % time.Hour; waited < paced.Grace || waited > paced.Grace+10*time.Second || read < 60*4<<10 {
			t.Errorf("waited %s for %d bytes", waited, read)
		}
	})
}

// slowConnection gives 4 KiB a second, and keeps to its deadline.
type slowConnection struct {
	http.ResponseWriter
	deadline *time.Time
}

func (s *slowConnection) connection(t *testing.T) *paced.Connection {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "/", s)
	if err != nil {
		t.Fatal(err)
	}
	return paced.New(s, r)
}

func (s *slowConnection) SetReadDeadline(at time.Time) error { *s.deadline = at; return nil }
func (s *slowConnection) SetWriteDeadline(time.Time) error   { return nil }

func (s *slowConnection) Read(p []byte) (int, error) {
	time.Sleep(min(time.Second, time.Until(*s.deadline)))
	if !time.Now().Before(*s.deadline) {
		return 0, os.ErrDeadlineExceeded
	}
	return len(p), nil
}
