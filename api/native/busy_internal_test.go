package native

import (
	"bytes"
	"errors"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"muster"
	"muster/spreadsheet"
)

// While another workbook is read, the next one waits, and then is told when to come again. A text waits for nobody.
func TestAWorkbookThatWaitsTooLong(t *testing.T) {
	t.Parallel()
	var book bytes.Buffer
	if err := spreadsheet.WriteTemplate(&book, spreadsheet.XLSX, spreadsheet.UserFields()); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		a := &api{Config{Workbooks: spreadsheet.NewLimiter(1)}}
		taken, _, err := a.openFile(t.Context(), bytes.NewReader(book.Bytes()), &upload{Format: "auto"}, terms{})
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		_, _, err = a.openFile(t.Context(), bytes.NewReader(book.Bytes()), &upload{Format: "auto"}, terms{})
		var busy *muster.Error
		if waited := time.Since(start); !errors.As(err, &busy) || busy.Kind != muster.KindUnavailable || busy.RetryAfter <= 0 || waited != openPatience {
			t.Errorf("after %s: %v", waited, err)
		}
		text, _, err := a.openFile(t.Context(), strings.NewReader("account\nann\n"), &upload{Format: "auto"}, terms{})
		if err != nil {
			t.Fatal(err)
		}
		text.Close()
		taken.Close()
		again, _, err := a.openFile(t.Context(), bytes.NewReader(book.Bytes()), &upload{Format: "auto"}, terms{})
		if err != nil {
			t.Fatal(err)
		}
		again.Close()
	})
}

// A body has to come at a pace, of which only the waiting for it counts.
func TestABodyThatComesSlowly(t *testing.T) {
	t.Parallel()
	var deadline time.Time
	synctest.Test(t, func(t *testing.T) {
		w := &slowConnection{deadline: &deadline}
		c := w.connection(t)
		b, err := c.body(1 << 30)
		if err != nil {
			t.Fatal(err)
		}
		start, read := time.Now(), 0
		for {
			n, err := b.Read(make([]byte, 4<<10)) // 4 KiB a second
			if read += n; err != nil {
				if !errors.Is(err, errTooSlow) {
					t.Error(err)
				}
				break
			}
			time.Sleep(time.Hour) // is ours
		}
		if waited := time.Since(start) % time.Hour; waited < bodyGrace || waited > bodyGrace+10*time.Second || read < 60*4<<10 {
			t.Errorf("waited %s for %d bytes", waited, read)
		}
	})
}

// slowConnection gives 4 KiB a second, and keeps to its deadline.
type slowConnection struct {
	http.ResponseWriter
	deadline *time.Time
}

func (s *slowConnection) connection(t *testing.T) *connection {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "/", s)
	if err != nil {
		t.Fatal(err)
	}
	return &connection{request: r, control: http.NewResponseController(s)}
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
