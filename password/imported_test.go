package password_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"muster/password"
)

// vector is a hash that another implementation made.
type vector struct {
	password, hash string
}

func vectors(t testing.TB) (all []vector) {
	t.Helper()
	f, err := os.Open("testdata/hashes.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		line := lines.Text()
		if line == "" || line[0] == '#' {
			continue
		}
		at := strings.LastIndexByte(line, ' ')
		v := vector{hash: line[at+1:]}
		if err := json.Unmarshal([]byte(line[:at]), &v.password); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		all = append(all, v)
	}
	if err := lines.Err(); err != nil || len(all) < 100 {
		t.Fatalf("%d vectors, %v", len(all), err)
	}
	return all
}

// TestHashesOfOthersVerify: by their text as it was made, and by the one that is stored.
func TestHashesOfOthersVerify(t *testing.T) {
	t.Parallel()
	var h password.Hasher
	for _, v := range vectors(t) {
		canonical, err := password.ParseImported(" " + v.hash + "\n")
		if err != nil {
			t.Errorf("%s: %v", v.hash, err)
			continue
		}
		if again, err := password.ParseImported(canonical); again != canonical || err != nil {
			t.Errorf("%s is stored as %s, and that as %s, %v", v.hash, canonical, again, err)
		}
		for _, text := range slices.Compact([]string{v.hash, canonical}) {
			if ok, upgrade, err := h.Verify(text, []byte(v.password)); !ok || !upgrade || err != nil {
				t.Errorf("%s: got %v, %v, %v", text, ok, upgrade, err)
			}
		}
		if ok, upgrade, err := h.Verify(canonical, []byte("x"+v.password)); ok || upgrade || err != nil {
			t.Errorf("%s: another password: got %v, %v, %v", canonical, ok, upgrade, err)
		}
	}
}

// TestImportedHashesAreStoredInOneForm, whatever the notation.
func TestImportedHashesAreStoredInOneForm(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"$pbkdf2$1000$c2FsdC4u$" + zero20:               "$pbkdf2-sha1$i=1000$c2FsdC4u$" + zero20,
		"$pbkdf2-sha256$1000$...+$" + zero32:            "$pbkdf2-sha256$i=1000$++++$" + zero32,
		"$pbkdf2-sha256$i=1000,l=32$c2FsdC4u$" + zero32: "$pbkdf2-sha256$i=1000$c2FsdC4u$" + zero32,
		"pbkdf2_sha256$1000$salt..$" + zero32 + "=":     "$pbkdf2-sha256$i=1000$c2FsdC4u$" + zero32,
		"$s0$e0801$c2FsdC4u$" + zero32 + "=":            "$scrypt$ln=14,r=8,p=1$c2FsdC4u$" + zero32,
		"$s0$040a02$c2FsdC4u$" + zero32 + "=":           "$scrypt$ln=4,r=10,p=2$c2FsdC4u$" + zero32,
		"{sha}" + zero20 + "=":                          "{SHA}" + zero20 + "=",
		"{Ssha256}" + zero32 + "A":                      "{SSHA256}" + zero32 + "A",
		"{CRYPT}$1$salt$......................":         "$1$salt$......................",
		"{crypt}" + argon2iOf("m=8,t=1,p=1"):            argon2iOf("m=8,t=1,p=1"),
		// The stream is the hash and the signer key, one added to the other; the separator comes behind the salt.
		"$firescrypt$ln=14,r=8,p=1$c2FsdC4u$" + zero32 + "=$Bw==$" + ones32 + "=": "$firebase-scrypt$ln=14,r=8$c2FsdC4uBw$" + ones32,
	} {
		if got, err := password.ParseImported(text); got != want || err != nil {
			t.Errorf("%s: got %s, %v, want %s", text, got, err, want)
		}
	}
}

// Bytes of zeros and of ones, in base64 without padding.
const (
	zero16 = "AAAAAAAAAAAAAAAAAAAAAA"
	zero20 = zero16 + "AAAAA"
	zero32 = zero20 + "AAAAAAAAAAAAAAAA"
	zero64 = zero32 + zero32
	ones32 = "//////////////////////////////////////////8"
)

func argon2iOf(params string) string {
	return "$argon2i$v=19$" + params + "$" + zero16 + "$" + zero32
}

// TestLimitsOnImportedHashes has each format at its limits, and one beyond.
func TestLimitsOnImportedHashes(t *testing.T) {
	t.Parallel()
	scrypt := func(costs string) string { return "$scrypt$" + costs + "$" + zero16 + "$" + zero32 }
	firebase := func(costs string) string {
		return "$firescrypt$" + costs + "$" + zero16 + "==$" + zero32 + "=$Bw==$" + zero32 + "="
	}
	bcrypt := func(cost string) string { return "$2b$" + cost + "$" + strings.Repeat(".", 53) }
	for _, tc := range []struct{ within, beyond, want string }{
		{bcrypt("13"), bcrypt("14"), "bcrypt: cost 14, want 4 to 13"},
		{bcrypt("04"), bcrypt("03"), "bcrypt: cost 3, want 4 to 13"},
		{argon2iOf("m=131072,t=4,p=1"), argon2iOf("m=131073,t=1,p=1"), "Argon2i: 131073 KiB of memory, want 8 to 131072"},
		{argon2iOf("m=65536,t=8,p=16"), argon2iOf("m=65537,t=8,p=1"), "Argon2i: 8 passes over 65537 KiB, want at most 524288 KiB in all"},
		{argon2iOf("m=26214,t=20,p=1"), argon2iOf("m=8,t=21,p=1"), "Argon2i: 21 passes, want 1 to 20"},
		{argon2iOf("m=128,t=1,p=16"), argon2iOf("m=136,t=1,p=17"), "Argon2i: 17 lanes, want 1 to 16"},
		{scrypt("ln=17,r=8,p=1"), scrypt("ln=18,r=8,p=1"), "scrypt: a product N·r·p of 2097152, want at most 1048576"},
		{scrypt("ln=13,r=8,p=16"), scrypt("ln=16,r=8,p=3"), "scrypt: a product N·r·p of 1572864, want at most 1048576"},
		{scrypt("ln=20,r=1,p=1"), scrypt("ln=21,r=1,p=1"), "scrypt: ln 21, want 1 to 20"},
		{scrypt("ln=15,r=32,p=1"), scrypt("ln=1,r=33,p=1"), "scrypt: r 33, want 1 to 32"},
		{scrypt("ln=1,r=1,p=16"), scrypt("ln=1,r=1,p=17"), "scrypt: p 17, want 1 to 16"},
		{"$s0$110801$" + zero16 + "==$" + zero32 + "=", "$s0$110802$" + zero16 + "==$" + zero32 + "=", "scrypt: a product N·r·p of 2097152"},
		{firebase("ln=17,r=8,p=1"), firebase("ln=17,r=9,p=1"), "Firebase's scrypt: a product N·r·p of 1179648"},
		{firebase("ln=14,r=8,p=1"), firebase("ln=14,r=8,p=2"), "Firebase's scrypt: p 2"},
		{"$firebase-scrypt$ln=17,r=8$AA$" + zero32, "$firebase-scrypt$ln=17,r=9$AA$" + zero32, "Firebase's scrypt: a product N·r·p of 1179648"},
		{"$pbkdf2$2000000$AA$" + zero20, "$pbkdf2$2000001$AA$" + zero20, "PBKDF2: iterations 2000001, want 1 to 2000000"},
		{"$pbkdf2-sha1$1000000$AA$" + zero32, "$pbkdf2-sha1$1000001$AA$" + zero32, "PBKDF2: iterations 1000001, want 1 to 1000000"},
		{"$pbkdf2-sha1$500000$AA$" + zero64, "$pbkdf2-sha1$500001$AA$" + zero64, "PBKDF2: iterations 500001, want 1 to 500000"},
		{"pbkdf2_sha256$2000000$x$" + zero32 + "=", "pbkdf2_sha256$2000001$x$" + zero32 + "=", "PBKDF2: iterations 2000001"},
		{"$pbkdf2-sha512$i=1000000$AA$" + zero64, "$pbkdf2-sha512$i=1000001$AA$" + zero64, "PBKDF2: iterations 1000001"},
		{"$5$rounds=700000$s$" + strings.Repeat(".", 43), "$5$rounds=700001$s$" + strings.Repeat(".", 43), "SHA-crypt: rounds 700001, want 1000 to 700000"},
		{"$6$rounds=700000$s$" + strings.Repeat(".", 86), "$6$rounds=700001$s$" + strings.Repeat(".", 86), "SHA-crypt: rounds 700001, want 1000 to 700000"},
		{"$6$rounds=1000$s$" + strings.Repeat(".", 86), "$6$rounds=999$s$" + strings.Repeat(".", 86), "SHA-crypt: rounds 999, want 1000 to 700000"},
	} {
		if _, err := password.ParseImported(tc.within); err != nil {
			t.Errorf("%s, at the limit: %v", tc.within, err)
		}
		if _, err := password.ParseImported(tc.beyond); !errors.Is(err, password.ErrFormat) || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: got %v, want %q", tc.beyond, err, tc.want)
		}
		if ok, upgrade, err := (password.Hasher{}).Verify(tc.beyond, []byte("x")); ok || upgrade || !errors.Is(err, password.ErrFormat) {
			t.Errorf("%s is verified: %v, %v, %v", tc.beyond, ok, upgrade, err)
		}
	}
}

func TestImportedHashesThatAreNone(t *testing.T) {
	t.Parallel()
	const which = "want bcrypt ($2a$, $2b$, $2y$), Argon2id"
	dots := func(n int) string { return strings.Repeat(".", n) }
	for text, want := range map[string]string{
		"":                                    which,
		"Correct-Horse7":                      which,
		"5f4dcc3b5aa765d61d8327deb882cf99":    which,
		"$argon2d$v=19$m=8,t=1,p=1$" + zero16: which,
		"$2$12$" + dots(53):                   which,
		"$2x$12$" + dots(53):                  which,
		"$md5$rounds=904$Vc3VgyFx44iS8.Yu$x":  which,
		"$y$j9T$F5Jx5fExrKuPp53xLKQ..1$x":     which,
		"sha1$salt$" + zero20:                 which,
		"{CRYPT}ab1cdefghijkl":                which,
		"{CRYPT}{CRYPT}$1$salt$" + dots(22):   "LDAP: want {SSHA}",
		"{MD5}X03MO1qnZdYdgyfeuILPmQ==":       "LDAP: want {SSHA}",
		"{SMD5}X03MO1qnZdYdgyfeuILPmSEhISE=":  "LDAP: want {SSHA}",
		"{SSHA":                               "LDAP: want {SSHA}",
		"{":                                   "LDAP: want {SSHA}",
		"{SSHA}" + zero20 + "=":               "a hash with salt of 20 bytes, want 21 to 84",
		"{SHA}" + zero16 + "==":               "a hash of 16 bytes, want 20 to 20",
		"{SHA}" + zero20:                      "the hash must be base64 with padding",
		"{SHA}" + zero20[:8] + "\n" + zero20[8:] + "=":                         "the hash must be base64 with padding",
		"$2b$12$" + dots(52):                                                   "want $2b$, two digits",
		"$2b$12$" + dots(54):                                                   "want $2b$, two digits",
		"$2b$1x$" + dots(53):                                                   "cost must be two digits",
		"$2b$+9$" + dots(53):                                                   "cost must be two digits",
		"$2b$12$" + dots(10) + "+" + dots(42):                                  "salt must be bcrypt's base64",
		"$2b$12$" + dots(20) + "\n\n" + dots(31):                               "salt must be bcrypt's base64",
		"$2b$12$" + dots(51) + "=.":                                            "hash must be bcrypt's base64",
		"$2b$12$" + dots(52) + "9":                                             "hash must be bcrypt's base64", // bits of no byte
		"$scrypt$ln=14,r=8$" + zero16 + "$x":                                   "want the parameters ln=..,r=..,p=..",
		"$scrypt$ln=14,r=8,p=1$" + zero16:                                      "4 parts, want $scrypt$ln=..",
		"$scrypt$ln=14,r=8,p=1$" + zero16 + "$x":                               "the hash must be base64 without padding",
		"$scrypt$ln=14,r=8,p=1$$" + zero32:                                     "a salt of 0 bytes, want 1 to 128",
		"$scrypt$ln=0,r=8,p=1$AA$" + zero32:                                    "ln 0, want",
		"$scrypt$ln=4294967295,r=4294967295,p=4294967295$AA$" + zero32:         "ln 4294967295, want",
		"$s0$$AA==$" + zero32 + "=":                                            "hexadecimal",
		"$s0$1e0801f$AA==$" + zero32 + "=":                                     "hexadecimal",
		"$firescrypt$ln=14,r=8,p=1$AA==$" + zero32 + "=$Bw==":                  "6 parts, want $firescrypt$",
		"$firescrypt$ln=14,r=8,p=1$AA==$" + zero32 + "=$Bw==$" + zero16 + "==": "want as many as the signer key has, 16",
		"$firescrypt$ln=14,r=8,p=1$AA==$" + zero32 + "=$Bw==$":                 "a signer key of 0 bytes",
		"$firebase-scrypt$ln=14,r=8$AA$":                                       "a hash of 0 bytes",
		"$pbkdf2-md5$1000$AA$" + zero16:                                        "want sha1, sha256 or sha512",
		"pbkdf2_sha384$1000$AA$" + zero16:                                      "want sha1, sha256 or sha512",
		"$pbkdf2-sha256$0$AA$" + zero32:                                        "iterations 0, want",
		"$pbkdf2-sha256$-1$AA$" + zero32:                                       "want the iterations as i=",
		"$pbkdf2-sha256$i=9,l=20$AA$" + zero32:                                 "which is not the length that it states",
		"$pbkdf2-sha256$i=9,l=$AA$" + zero32:                                   "which is not the length that it states",
		"pbkdf2_sha256$1e3$AA$" + zero32 + "=":                                 "must be a whole number",
		"pbkdf2_sha256$1000$$" + zero32 + "=":                                  "a salt of 0 bytes, want 1 to 128",
		"$1$" + dots(9) + "$" + dots(22):                                       "a salt of 9 bytes, want 1 to 8",
		"$1$$" + dots(22):                                                      "a salt of 0 bytes, want 1 to 8",
		"$1$salt$" + dots(21):                                                  "the hash must be 22 characters",
		"$apr1$salt":                                                           "want $apr1$salt$hash",
		"$5$s$" + dots(42) + "-":                                               "the hash must be 43 characters",
		"$5$s s$" + dots(43):                                                   "without spaces",
		"$6$rounds=$s$" + dots(86):                                             "the rounds must be a whole number",
		"$6$rounds=05000$s$" + dots(86):                                        "the rounds must be a whole number",
		"$6$" + dots(17) + "$" + dots(86):                                      "a salt of 17 bytes, want 1 to 16",
		"$6$s$" + dots(86) + "$x":                                              "the hash must be 86 characters",
		"{SSHA}" + strings.Repeat("A", 600):                                    "606 characters, want at most 512",
	} {
		canonical, err := password.ParseImported(text)
		if canonical != "" || !errors.Is(err, password.ErrFormat) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %q, %v, want %q", text, canonical, err, want)
		}
		for _, part := range strings.FieldsFunc(text, func(r rune) bool { return r == '$' || r == '}' }) {
			if err != nil && len(part) > 12 && strings.Contains(err.Error(), part) {
				t.Errorf("the error tells the hash: %v", err)
			}
		}
	}
}

// TestBcryptIsOfTheFirst72Bytes, as everywhere.
func TestBcryptIsOfTheFirst72Bytes(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 72)
	const of72 = "$2y$04$......................SZFhVdUK5wGKY4lx/QrgUMHG0XsWjbi" // of long, by PHP's crypt
	for plain, want := range map[string]bool{long: true, long + "y": true, long[:71]: false, long[:71] + "y": false} {
		if ok, _, err := (password.Hasher{}).Verify(of72, []byte(plain)); ok != want || err != nil {
			t.Errorf("%d bytes: %v, %v, want %v", len(plain), ok, err, want)
		}
	}
}

// TestSHACryptTakesShortPasswords alone, since their length is a part of its cost.
func TestSHACryptTakesShortPasswords(t *testing.T) {
	t.Parallel()
	const of129 = "$5$rounds=1000$saltsalt$m0Yn90CPCGBMQBMYJTgrxaNtuJ/1SrhC8Ff8nZ06Pc/" // of 129 y, by libxcrypt
	if ok, _, err := (password.Hasher{}).Verify(of129, []byte(strings.Repeat("y", 129))); ok || err != nil {
		t.Errorf("got %v, %v", ok, err)
	}
}
