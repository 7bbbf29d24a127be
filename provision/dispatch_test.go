package provision_test

import (
	"testing"
	"testing/synctest"
	"time"

	"muster/provision"
	"muster/provision/dispatchtest"
)

func TestLocalDispatcher(t *testing.T) {
	t.Parallel()
	dispatchtest.Run(t, func(_ *testing.T, turns int) dispatchtest.Subject {
		return dispatchtest.Subject{Dispatcher: provision.NewLocal(turns)}
	})
}

// A turn that nobody waits for goes on past its slice, but not for ever; one that others wait for ends.
func TestSlice(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		waiting bool
		after   time.Duration
		over    bool
	}{
		{"others wait, too early", true, 249 * time.Millisecond, false},
		{"others wait", true, 250 * time.Millisecond, true},
		{"nobody waits", false, 1999 * time.Millisecond, false},
		{"nobody waits, in the end", false, 2 * time.Second, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				slice := provision.NewSlice(func() bool { return tt.waiting })
				time.Sleep(tt.after) // the bubble's clock
				if slice.Over() != tt.over {
					t.Errorf("over = %t after %s", !tt.over, tt.after)
				}
			})
		})
	}
}
