package password_test

import (
	"errors"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"muster/password"
)

// cheap are costs for tests that are about something else.
func cheap() password.Hasher {
	return password.Hasher{Params: password.Params{MemoryKiB: 8, Passes: 1, Lanes: 1}}
}

func TestHashDefaults(t *testing.T) {
	t.Parallel()
	var h password.Hasher
	first, err := h.Hash([]byte("Q!@1assword"))
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`^\$argon2id\$v=19\$m=7168,t=5,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$`).MatchString(first) {
		t.Errorf("got %s", first)
	}
	second, err := h.Hash([]byte("Q!@1assword"))
	if err != nil || second == first {
		t.Errorf("the same hash twice: the salt is not random (%v)", err)
	}
	if ok, upgrade, err := h.Verify(first, []byte("Q!@1assword")); !ok || upgrade || err != nil {
		t.Errorf("the password: got %v, %v, %v", ok, upgrade, err)
	}
	if ok, upgrade, err := h.Verify(first, []byte("q!@1assword")); ok || upgrade || err != nil {
		t.Errorf("another password: got %v, %v, %v", ok, upgrade, err)
	}
}

// TestVerifyReferenceHashes checks hashes of "password" from the test file of the reference implementation of Argon2
// (P-H-C/phc-winner-argon2, src/test.c).
func TestVerifyReferenceHashes(t *testing.T) {
	t.Parallel()
	for _, encoded := range []string{
		"$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
		"$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc",
		"$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
	} {
		ok, upgrade, err := password.Hasher{}.Verify(encoded, []byte("password"))
		if !ok || !upgrade || err != nil {
			t.Errorf("%s: got %v, %v, %v", encoded, ok, upgrade, err)
		}
		if ok, _, err := (password.Hasher{}).Verify(encoded, []byte("passwort")); ok || err != nil {
			t.Errorf("%s: another password: got %v, %v", encoded, ok, err)
		}
	}
}

func TestHashRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		lanes := rapid.Uint8Range(1, 4).Draw(t, "lanes")
		h := password.Hasher{Params: password.Params{
			MemoryKiB: rapid.Uint32Range(8*uint32(lanes), 128).Draw(t, "memory"),
			Passes:    rapid.Uint32Range(1, 3).Draw(t, "passes"),
			Lanes:     lanes,
		}}
		pw := rapid.SliceOf(rapid.Byte()).Draw(t, "password")
		encoded, err := h.Hash(pw)
		if err != nil {
			t.Fatal(err)
		}
		if ok, upgrade, err := h.Verify(encoded, pw); !ok || upgrade || err != nil {
			t.Fatalf("got %v, %v, %v", ok, upgrade, err)
		}
		if ok, upgrade, err := (password.Hasher{}).Verify(encoded, pw); !ok || !upgrade || err != nil {
			t.Fatalf("with other costs: got %v, %v, %v", ok, upgrade, err)
		}
		if ok, _, err := h.Verify(encoded, append(pw, 'x')); ok || err != nil {
			t.Fatalf("another password: got %v, %v", ok, err)
		}
	})
}

func TestHashRefusesCostsBeyondLimits(t *testing.T) {
	t.Parallel()
	for params, want := range map[password.Params]string{
		{MemoryKiB: 7168, Passes: 5}:                                "0 lanes, want 1 to 16",
		{MemoryKiB: 7168, Passes: 5, Lanes: 17}:                     "17 lanes",
		{MemoryKiB: 7168, Lanes: 1}:                                 "0 passes, want 1 to 20",
		{MemoryKiB: 7168, Passes: 21, Lanes: 1}:                     "21 passes",
		{MemoryKiB: 31, Passes: 1, Lanes: 4}:                        "31 KiB of memory, want 32 to 131072",
		{MemoryKiB: password.MaxMemoryKiB + 1, Passes: 1, Lanes: 1}: "131073 KiB of memory",
		{MemoryKiB: 128 << 10, Passes: 5, Lanes: 1}:                 "5 passes over 131072 KiB, want at most 524288 KiB in all",
	} {
		h := password.Hasher{Params: params}
		if _, err := h.Hash([]byte("x")); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: got %v, want %q", params, err, want)
		}
		if pool, err := password.NewPool(h, 1); err == nil {
			t.Errorf("%+v: a pool began", params)
			pool.Close()
		}
	}
}

func TestVerifyRefusesOtherFormats(t *testing.T) {
	t.Parallel()
	const salt, tag = "$c29tZXNhbHQ", "$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"
	const good = "$argon2id$v=19$m=256,t=2,p=1" + salt + tag
	for encoded, want := range map[string]string{
		"":                                     "want bcrypt",
		"x":                                    "want bcrypt",
		"$argon2d" + good[9:]:                  "want bcrypt",
		"$argon2id$m=256,t=2,p=1" + salt + tag: "parts",
		good + "$x":                            "parts",
		"$argon2id$v=16$m=256,t=2,p=1" + salt + tag:                           "version v=19",
		"$argon2id$v=19$m=256,t=2" + salt + tag:                               "the parameters m=..,t=..,p=..",
		"$argon2id$v=19$m=256,t=2,p=1,k=1" + salt + tag:                       "the parameters m=..,t=..,p=..",
		"$argon2id$v=19$t=2,m=256,p=1" + salt + tag:                           "parameter 1 must be m=",
		"$argon2id$v=19$m=0256,t=2,p=1" + salt + tag:                          "parameter 1",
		"$argon2id$v=19$m=256,t=+2,p=1" + salt + tag:                          "parameter 2",
		"$argon2id$v=19$m=256,t=2,p=" + salt + tag:                            "parameter 3",
		"$argon2id$v=19$m=4294967296,t=2,p=1" + salt + tag:                    "parameter 1",
		"$argon2id$v=19$m=131073,t=2,p=1" + salt + tag:                        "131073 KiB of memory",
		"$argon2id$v=19$m=4294967295,t=2,p=1" + salt + tag:                    "4294967295 KiB of memory",
		"$argon2id$v=19$m=7,t=2,p=1" + salt + tag:                             "7 KiB of memory",
		"$argon2id$v=19$m=256,t=21,p=1" + salt + tag:                          "21 passes",
		"$argon2id$v=19$m=256,t=0,p=1" + salt + tag:                           "0 passes",
		"$argon2id$v=19$m=256,t=2,p=0" + salt + tag:                           "0 lanes",
		"$argon2id$v=19$m=256,t=2,p=257" + salt + tag:                         "257 lanes",
		"$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ=" + tag:                     "salt must be base64 without padding",
		"$argon2id$v=19$m=256,t=2,p=1$c29t\nZXNhbHQ" + tag:                    "salt must be base64",
		"$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHR" + tag:                      "salt must be base64",
		"$argon2id$v=19$m=256,t=2,p=1$c29t" + tag:                             "a salt of 3 bytes, want 8 to 64",
		"$argon2id$v=19$m=256,t=2,p=1" + salt + "$":                           "a hash of 0 bytes, want 16 to 64",
		"$argon2id$v=19$m=256,t=2,p=1" + salt + "$" + strings.Repeat("A", 88): "a hash of 66 bytes",
		good + strings.Repeat("A", 512):                                       "want at most 512",
	} {
		ok, upgrade, err := cheap().Verify(encoded, []byte("password"))
		if ok || upgrade || !errors.Is(err, password.ErrFormat) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, %v, %v, want %q", encoded, ok, upgrade, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "nf65") {
			t.Errorf("the error tells the hash: %v", err)
		}
	}
}
