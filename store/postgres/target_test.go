package postgres

import (
	"errors"
	"testing"
)

func TestAnUnfinishedCopyIsNotOpened(t *testing.T) {
	t.Parallel()
	f := openFixture(t, Options{})
	for _, c := range []struct {
		source, state string
		want          error
	}{
		{"installation", "state", ErrUnfinishedCopy},
		{"installation", "", nil},
	} {
		f.query(t, "UPDATE installation SET copy_source = $1, copy_state = $2", c.source, c.state)
		s, err := Open(t.Context(), f.url, Options{})
		if !errors.Is(err, c.want) {
			t.Errorf("of source %q and state %q: %v, want %v", c.source, c.state, err, c.want)
		}
		if err == nil {
			closeStore(t, s)
		}
	}
}
