package crashtest

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"
)

// needle is what must not be found.
type needle struct {
	what  string // says what it is without saying it
	bytes []byte
}

// forms are the ways in which a secret text, or a part of it, may lie somewhere.
func forms(what, text string) []needle {
	forms := []needle{
		{what + ", raw", []byte(text)},
		{what + ", in lower case", []byte(strings.ToLower(text))},
		{what + ", in upper case", []byte(strings.ToUpper(text))},
		{what + ", UTF-16 LE", utf16Of(text, 0, 1)},
		{what + ", UTF-16 BE", utf16Of(text, 1, 0)},
		{what + ", hex", []byte(hex.EncodeToString([]byte(text)))},
		{what + ", hex in upper case", []byte(strings.ToUpper(hex.EncodeToString([]byte(text))))},
	}
	for offset := range 3 {
		piece := base64Of(text, offset)
		forms = append(forms,
			needle{fmt.Sprintf("%s, base64 at offset %d", what, offset), []byte(piece)},
			needle{fmt.Sprintf("%s, base64url at offset %d", what, offset), []byte(strings.NewReplacer("+", "-", "/", "_").Replace(piece))},
		)
	}
	return forms
}

// utf16Of encodes text in UTF-16, with the low byte of each unit at one place and the high byte at the other.
func utf16Of(text string, low, high int) []byte {
	units := utf16.Encode([]rune(text))
	b := make([]byte, 2*len(units))
	for i, u := range units {
		b[2*i+low], b[2*i+high] = byte(u), byte(u>>8)
	}
	return b
}

// base64Of is what of a longer text's base64 depends on text alone, where text begins at an index that leaves the offset
// when divided by 3.
func base64Of(text string, offset int) string {
	encoded := base64.RawStdEncoding.EncodeToString(append(make([]byte, offset), text...))
	const bits, digit = 8, 6
	return encoded[(offset*bits+digit-1)/digit : (offset+len(text))*bits/digit]
}

// search looks for the needles in every byte of every file below the folder, and in the files' names, but for those that
// are excepted. It tells where it found which.
func search(folder string, needles []needle, excepted ...string) (found []string, err error) {
	err = filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(folder, path)
		if err != nil || slices.Contains(excepted, name) {
			return err
		}
		var content []byte
		if entry.Type().IsRegular() {
			if content, err = os.ReadFile(path); err != nil {
				return err
			}
		}
		for _, n := range needles {
			if bytes.Contains([]byte(name), n.bytes) {
				found = append(found, fmt.Sprintf("%s: in a file's name", n.what))
			}
			if at := bytes.Index(content, n.bytes); at >= 0 {
				found = append(found, fmt.Sprintf("%s: %s, at byte %d of %d", n.what, name, at, len(content)))
			}
		}
		return nil
	})
	return found, err
}

// TestSearch plants a secret in each of its forms, and a search finds just that one.
func TestSearch(t *testing.T) {
	t.Parallel()
	r := random(t)()
	for range 20 {
		secret := word(r, 20)
		for _, p := range plants(r, secret) {
			folder := t.TempDir()
			path := filepath.Join(folder, p.path)
			if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, p.content, 0o600); err != nil {
				t.Fatal(err)
			}
			found, err := search(folder, forms("secret", secret), "excepted")
			if err != nil {
				t.Fatal(err)
			}
			if p.found == "" && found != nil || p.found != "" && !slices.ContainsFunc(found, func(f string) bool { return strings.HasPrefix(f, p.found) }) {
				t.Errorf("%s: found %q, want %q", p.name, found, p.found)
			}
		}
	}
}

type plant struct {
	name, path string
	content    []byte
	found      string // what the search's finding begins with; "" if it must find nothing
}

func plants(r *rand.Rand, secret string) []plant {
	noise := func() []byte {
		b := make([]byte, r.IntN(100_000))
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		return b
	}
	among := func(text string) []byte { return slices.Concat(noise(), []byte(text), noise()) }
	plants := []plant{
		{"nothing", "data/file", noise(), ""},
		{"all but the last letter", "data/file", among(secret[:len(secret)-1] + "."), ""},
		{"in the excepted file", "excepted", among(secret), ""},
		{"in a file of another folder by that name", "data/excepted", among(secret), "secret, raw"},
		{"raw", "data/deep/down/file", among(secret), "secret, raw"},
		{"raw, at the very end", "data/file", slices.Concat(noise(), []byte(secret)), "secret, raw"},
		{"raw, and nothing else", "log", []byte(secret), "secret, raw"},
		{"within a longer text", "log", among("password=" + secret + ".123"), "secret, raw"},
		{"as a file's name", "tmp/" + secret, nil, "secret, raw: in a file's name"},
		{"lower case", "log", among(strings.ToLower(secret)), "secret, in lower case"},
		{"upper case", "log", among(strings.ToUpper(secret)), "secret, in upper case"},
		{"hex", "log", among(hex.EncodeToString([]byte("x" + secret))), "secret, hex"},
		{"hex in upper case", "log", among(fmt.Sprintf("%X", "x"+secret)), "secret, hex in upper case"},
		{"UTF-16 LE", "log", among(string(utf16Of("é"+secret, 0, 1))), "secret, UTF-16 LE"},
		{"UTF-16 BE", "log", among(string(utf16Of("é"+secret, 1, 0))), "secret, UTF-16 BE"},
	}
	for before := range 6 {
		text := []byte(strings.Repeat("?", before) + secret + strings.Repeat("\xff", r.IntN(3)))
		offset := before % 3
		plants = append(plants,
			plant{"base64", "log", among(base64.StdEncoding.EncodeToString(text)), fmt.Sprintf("secret, base64 at offset %d", offset)},
			plant{"base64url", "log", among(base64.RawURLEncoding.EncodeToString(text)), fmt.Sprintf("secret, base64url at offset %d", offset)},
		)
	}
	return plants
}
