package password

import (
	"errors"
	"testing"
)

func FuzzParseStored(f *testing.F) {
	f.Add("$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4")
	f.Add("$argon2i$v=19$m=4294967295,t=4294967295,p=255$$")
	f.Add("$2b$12$")
	f.Fuzz(func(t *testing.T, s string) {
		h, err := parseStored(s)
		if err != nil {
			if !errors.Is(err, ErrFormat) {
				t.Fatalf("unexpected kind of error: %v", err)
			}
			return
		}
		if got := h.String(); got != s || h.memoryKiB() > MaxMemoryKiB {
			t.Fatalf("%q was read from %q", got, s)
		}
	})
}
