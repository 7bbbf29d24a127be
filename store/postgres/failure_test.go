package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"muster"
)

// TestKindsOfFailures has the server itself make the errors.
func TestKindsOfFailures(t *testing.T) {
	t.Parallel()
	f := openFixture(t, Options{Connections: 2})
	for name, c := range map[string]struct {
		texts []string
		kind  muster.Kind
		row   bool
	}{
		"a key held twice":                  {texts: []string{"INSERT INTO lanes VALUES (1, 1, 0)", "INSERT INTO lanes VALUES (1, 1, 'Ada')"}, row: true},
		"a key that is there":               {texts: []string{"INSERT INTO lanes VALUES (1, 1, 0)", "INSERT INTO lanes VALUES (1, 1, 0)"}, row: true},
		"nothing where something must be":   {texts: []string{"INSERT INTO lanes VALUES (1, 1, NULL)"}, row: true},
		"a number that is too large":        {texts: []string{"INSERT INTO lanes VALUES (1, 99999, 0)"}, row: true},
		"a text with a zero byte":           {texts: []string{`SELECT convert_from('\x4164610061', 'UTF8')`}, row: true},
		"a key that is too long":            {texts: []string{"INSERT INTO roles SELECT 1, 1, string_agg(md5(n::text), '') , now() FROM generate_series(1, 1000) AS n"}, row: true},
		"a deadlock":                        {texts: []string{"DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '40P01'; END $$"}, kind: muster.KindUnavailable},
		"a full disk":                       {texts: []string{"DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '53100'; END $$"}, kind: muster.KindUnavailable},
		"a disk that fails":                 {texts: []string{"DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '58030'; END $$"}, kind: muster.KindUnavailable},
		"a statement that takes too long":   {texts: []string{"SET LOCAL statement_timeout = 1", "SELECT pg_sleep(60)"}, kind: muster.KindUnavailable},
		"a lock that is not to be had":      {texts: []string{"SET LOCAL lock_timeout = 1", "SELECT pg_advisory_xact_lock(77)"}, kind: muster.KindUnavailable},
		"a database that cannot be written": {texts: []string{"SET LOCAL transaction_read_only = on", "INSERT INTO lanes VALUES (1, 1, 0)"}, kind: muster.KindUnavailable},
		"a connection that is ended":        {texts: []string{"SELECT pg_terminate_backend(pg_backend_pid())", "SELECT 1"}, kind: muster.KindUnavailable},
		"a statement that is none":          {texts: []string{"SELEC 1"}},
		"a table that is not there":         {texts: []string{"SELECT * FROM none"}},
	} {
		err := f.write(t.Context(), f.tenant, func(held *tx) error {
			if strings.HasPrefix(name, "a lock") { // which another connection has
				other, err := f.pool.Begin(t.Context())
				if err != nil {
					return err
				}
				defer other.Rollback(t.Context())
				if _, err := other.Exec(t.Context(), "SELECT pg_advisory_xact_lock(77)"); err != nil {
					return err
				}
			}
			for _, text := range c.texts {
				held.queue.Queue(text)
				if err := held.flush(); err != nil {
					return err
				}
			}
			return nil
		})
		explained := explain("try", err)
		if err == nil || muster.KindOf(explained) != c.kind || errors.Is(explained, muster.ErrRow) != c.row {
			t.Errorf("%s gave %v, of kind %d", name, explained, muster.KindOf(explained))
		}
		if err != nil && strings.Contains(explained.Error(), "Ada") {
			t.Errorf("%s shows a value: %v", name, explained)
		}
		f.mustAccept(t, 1, 1) // the store works on
	}
	if explain("try", nil) != nil {
		t.Error("nothing was explained as something")
	}
	refused := &muster.Error{Kind: muster.KindConflict}
	if err := explain("try", fmt.Errorf("so: %w", refused)); muster.KindOf(err) != muster.KindConflict {
		t.Errorf("a refusal is explained as %v", err)
	}
	if err := explain("try", errors.New("of ours")); muster.KindOf(err) != muster.KindInternal || errors.Is(err, muster.ErrRow) {
		t.Errorf("a fault of ours is explained as %v", err)
	}
}

// TestWhatMayHaveHappenedIsNoRefusal: a refusal says that nothing was changed.
func TestWhatMayHaveHappenedIsNoRefusal(t *testing.T) {
	t.Parallel()
	err := explain("try", fmt.Errorf("%w: %w: %w", errUnknown, errLost, context.DeadlineExceeded))
	if muster.KindOf(err) != muster.KindInternal || !errors.Is(err, errUnknown) {
		t.Errorf("an unknown end is explained as %v", err)
	}
}
