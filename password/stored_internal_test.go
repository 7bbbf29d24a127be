package password

import (
	"errors"
	"os"
	"runtime"
	"strings"
	"testing"
)

// TestEveryFormatHasVectors that others made.
func TestEveryFormatHasVectors(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/hashes.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range formats {
		if !strings.Contains(string(text), " "+f.prefix) && f.prefix != "$firebase-scrypt$" { // which is ours
			t.Errorf("there is no vector of %s, %s", f.name, f.prefix)
		}
	}
	for _, s := range ldapSchemes {
		if !strings.Contains(string(text), " {"+s.name+"}") {
			t.Errorf("there is no vector of {%s}", s.name)
		}
	}
}

// TestVerificationTakesTheMemoryItStates, which decides what is verified one at a time. It does not run in parallel, since
// what is measured is what the whole process allocates.
func TestVerificationTakesTheMemoryItStates(t *testing.T) {
	const slack = 1 << 20
	for _, s := range []string{
		"$argon2id$v=19$m=32768,t=1,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
		"$argon2i$v=19$m=16384,t=2,p=4$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
		"$scrypt$ln=15,r=8,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
		"$scrypt$ln=10,r=32,p=16$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
		"$firebase-scrypt$ln=14,r=8$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
		"$2b$04$.....................................................",
		"$pbkdf2-sha256$i=1000$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
		"{SSHA}AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"$1$saltsalt$......................",
		"$6$rounds=1000$saltsalt$" + strings.Repeat(".", 86),
	} {
		h, err := parseStored(s)
		if err != nil {
			t.Errorf("%s: %v", s, err)
			continue
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		h.matches([]byte("password"))
		runtime.ReadMemStats(&after)
		took, stated := after.TotalAlloc-before.TotalAlloc, uint64(h.memoryKiB())<<10
		if took > stated+slack || stated > took {
			t.Errorf("%s: took %d KiB, states %d", s, took>>10, stated>>10)
		}
	}
}

// seeds are a hash of each format, and texts that are none.
var seeds = []string{
	"$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
	"$argon2i$v=19$m=8,t=1,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
	"$argon2id$v=19$m=4294967295,t=4294967295,p=255$$",
	"$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
	"$2y$31$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
	"$scrypt$ln=4,r=1,p=1$TmFDbA$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
	"$s0$40101$AAECAwQFBgcICQoLDA0ODw==$xJP6t5o47UMK51f+n2GvCDtBohevrqJacwDt+PyzB9Q=",
	"$firescrypt$ln=4,r=1,p=1$bpmvpoHb/Ecjsg==$AAAAAAAAAAAAAAAAAAAAAA==$Bw==$AAAAAAAAAAAAAAAAAAAAAA==",
	"$firebase-scrypt$ln=4,r=1$bpmvpoHb/Ecjsgc$AAAAAAAAAAAAAAAAAAAAAA",
	"$pbkdf2$1000$DqEUYqw1hpCy1noPQShFyA$4rX0ev6aH/bLZmqFfMTddkUScJg",
	"$pbkdf2-sha512$i=10,l=16$DqEUYqw1hpCy1noPQShFyA$DqEUYqw1hpCy1noPQShFyA",
	"pbkdf2_sha256$10$salt$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4=",
	"{SSHA}UWFjOpawHa6Bywxp1vFhydDhTz8AAQID",
	"{SHA}qYJ5ut8QVLHjqaLH6gnFbKTeuYM=",
	"$1$a$TYcRT0JumNkKBBlirG1X4/",
	"$apr1$rounds=9$TYcRT0JumNkKBBlirG1X4/",
	"$5$rounds=1000$saltsalt$DU.KhzGAArmlJs7UPgDYebd3czjjAjeYOEUohM3HSx4",
	"$6$s$u6h1nDplZjxDo4zJTtL/gDw7SGioQGm.0uRtQXjSgB6lTpGGOfGi4A6UMV.7Q7d2K2ppsidkHUrit0FKUiAv71",
	"$6$rounds=999999999$s$u6h1nDplZjxDo4zJTtL/gDw7SGioQGm.0uRtQXjSgB6lTpGGOfGi4A6UMV.7Q7d2K2ppsidkHUrit0FKUiAv71",
	"{CRYPT}$1$a$TYcRT0JumNkKBBlirG1X4/",
	"",
}

// FuzzParseImported holds that a hash is read as itself or not at all.
func FuzzParseImported(f *testing.F) {
	for _, s := range seeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		canonical, err := ParseImported(s)
		if err != nil {
			if !errors.Is(err, ErrFormat) || canonical != "" {
				t.Fatalf("%q: %q, %v", s, canonical, err)
			}
			return
		}
		if again, err := ParseImported(canonical); again != canonical || err != nil {
			t.Fatalf("%q is stored as %q, and that as %q, %v", s, canonical, again, err)
		}
		h, err := parseStored(canonical)
		if err != nil || h.memoryKiB() > MaxMemoryKiB || strings.ContainsAny(canonical, " \t\r\n") {
			t.Fatalf("%q is stored as %q: %v", s, canonical, err)
		}
	})
}

// FuzzVerify has a hostile text for a stored hash: it is refused, or computed within the limits.
func FuzzVerify(f *testing.F) {
	for _, s := range seeds {
		f.Add(s, []byte("password"))
	}
	f.Fuzz(func(t *testing.T, s string, password []byte) {
		ok, upgrade, err := Hasher{}.Verify(s, password)
		if err != nil && (!errors.Is(err, ErrFormat) || ok || upgrade) {
			t.Fatalf("%q: %v, %v, %v", s, ok, upgrade, err)
		}
		if upgrade && !ok {
			t.Fatalf("%q: a wrong password is to be hashed anew", s)
		}
	})
}
