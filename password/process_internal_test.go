package password

import (
	"errors"
	"os"
	"os/exec"
	"testing"
	"time"
)

// TestAChildThatHangs is given up when its time is over, and another one takes its place.
func TestAChildThatHangs(t *testing.T) {
	t.Parallel()
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var all []*exec.Cmd
	var told []error
	c := newChildren(1, func() *exec.Cmd {
		all = append(all, &exec.Cmd{Path: binary, Args: []string{binary}, Env: []string{"PASSWORD_TEST_CHILD=hangs"}})
		return all[len(all)-1]
	}, func(err error) { told = append(told, err) })
	defer c.close()
	c.patience = time.Millisecond
	for n := range 2 {
		if encoded, ok := c.hash([]byte("x")); ok {
			t.Errorf("a child that hangs gave %q", encoded)
		}
		if len(all) != n+1 || all[n].ProcessState == nil {
			t.Errorf("after %d passwords %d children were started, of which the last is left", n+1, len(all))
		}
	}
	if len(told) != 1 || !errors.Is(told[0], os.ErrDeadlineExceeded) {
		t.Errorf("told: %v", told)
	}
}
