package userfile

import (
	"bytes"
	"errors"
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
		o := Options{Options: spreadsheet.Options{Limiter: spreadsheet.NewLimiter(1)}}
		taken, err := Open(t.Context(), bytes.NewReader(book.Bytes()), o, Terms{})
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		_, err = Open(t.Context(), bytes.NewReader(book.Bytes()), o, Terms{})
		var busy *muster.Error
		if waited := time.Since(start); !errors.As(err, &busy) || busy.Kind != muster.KindUnavailable || busy.RetryAfter <= 0 || waited != OpenPatience {
			t.Errorf("after %s: %v", waited, err)
		}
		text, err := Open(t.Context(), strings.NewReader("account\nann\n"), o, Terms{})
		if err != nil {
			t.Fatal(err)
		}
		text.Close()
		taken.Close()
		again, err := Open(t.Context(), bytes.NewReader(book.Bytes()), o, Terms{})
		if err != nil {
			t.Fatal(err)
		}
		again.Close()
	})
}
