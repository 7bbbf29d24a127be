package main

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"

	"github.com/go-json-experiment/json/jsontext"
)

func linesOf(array string) (string, error) {
	lines := newArrayLines(io.NopCloser(iotest.OneByteReader(strings.NewReader(array))), &atomic.Pointer[arrayError]{})
	text, err := io.ReadAll(lines)
	return string(text), err
}

func TestAnArrayIsReadAsLines(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ array, want, wrong string }{
		"objects":                {array: " [ {\"phone\": \"1\",\n\"a\":[1, 2]} , {} ] \n", want: "{\"phone\":\"1\",\"a\":[1,2]}\n{}\n"},
		"a mark in front":        {array: "\ufeff[{}]", want: "{}\n"},
		"nothing":                {array: "[]"},
		"what is no object":      {array: `["ann", null, [ ]]`, want: "\"ann\"\nnull\n[]\n"},
		"a name twice":           {array: `[{"a":1,"a":2}]`, want: "{\"a\":1,\"a\":2}\n"},
		"bytes that are no text": {array: "[{\"a\":\"\xff\"}]", want: "{\"a\":\"\xff\"}\n"},
		"cut off":                {array: `[{"a":1},{"a"`, want: "{\"a\":1}\n", wrong: "element 2"},
		"no end":                 {array: `[{}`, want: "{}\n", wrong: "element 2"},
		"no comma":               {array: `[{}{}]`, want: "{}\n", wrong: "element 2"},
		"something behind":       {array: `[{}] {}`, want: "{}\n", wrong: "something follows"},
		"an object":              {array: `{}`, wrong: "no JSON array"},
		"no text":                {array: "", wrong: "no JSON array"},
	} {
		got, err := linesOf(c.array)
		if got != c.want || (err == nil) != (c.wrong == "") || err != nil && !strings.Contains(err.Error(), c.wrong) {
			t.Errorf("%s: %q, %v; want %q and an error with %q", name, got, err, c.want, c.wrong)
		}
	}
}

func TestAStreamIsReadOnceAndLookedAtBefore(t *testing.T) {
	t.Parallel()
	text := "[" + strings.Repeat(`{"a":1},`, 3000) + `{"a":2}]`
	for _, signed := range []bool{false, true} {
		s, err := openSource("-", false, iotest.HalfReader(strings.NewReader(text)))
		if err != nil || !s.array {
			t.Fatalf("an array: %v, %v", s.array, err)
		}
		for range 2 {
			beginning, err := s.peek()
			if err != nil {
				t.Fatal(err)
			}
			if line, err := bufio.NewReader(beginning).ReadString('\n'); err != nil || line != "{\"a\":1}\n" {
				t.Errorf("%q, %v", line, err)
			}
		}
		body, err := s.body(signed)
		if err != nil || body.once == signed {
			t.Fatalf("%+v, %v", body, err)
		}
		sent, err := body.open()
		if err != nil {
			t.Fatal(err)
		}
		all, err := io.ReadAll(sent)
		if err != nil || !bytes.HasSuffix(all, []byte("{\"a\":2}\n")) || bytes.Count(all, []byte("\n")) != 3001 {
			t.Errorf("%d bytes, %v", len(all), err)
		}
	}
}

func TestAStreamToBeSignedHasABound(t *testing.T) {
	t.Parallel()
	s, err := openSource("-", false, io.LimitReader(zeros{}, maxStream+1))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.body(true); err == nil || exitCode(err) != exitUsage || !strings.Contains(err.Error(), "64 MiB") {
		t.Errorf("error %v", err)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func TestAFileIsReadAgain(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "users.csv")
	if err := os.WriteFile(name, []byte("account\nann\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := openSource(name, false, nil)
	if err != nil || s.array || s.size != 12 {
		t.Fatalf("%+v, %v", s, err)
	}
	body, err := s.body(true)
	if err != nil || body.size != 12 || body.once {
		t.Fatalf("%+v, %v", body, err)
	}
	for range 2 {
		sent, err := body.open()
		if err != nil {
			t.Fatal(err)
		}
		if text, err := io.ReadAll(sent); err != nil || string(text) != "account\nann\n" {
			t.Errorf("%q, %v", text, err)
		}
	}
	if _, err := openSource(filepath.Join(t.TempDir(), "absent"), false, nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
}

func FuzzArray(f *testing.F) {
	for _, s := range []string{`[{"phone":"1"},{}]`, "\ufeff[]", `[{"adminLevel":1e99}]`, `[{"roleIds":[null]}`, "[\"\\ud800\"]", "[\"\xff\"]"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		lines, err := linesOf(s)
		if err != nil {
			return
		}
		// Each line is a value, and the array of them reads as the same lines.
		var values []string
		for line := range strings.Lines(lines) {
			if !jsontext.Value(line).IsValid(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)) {
				t.Errorf("%q is no value", line)
			}
			values = append(values, line)
		}
		if again, err := linesOf("[" + strings.Join(values, ",") + "]"); err != nil || again != lines {
			t.Errorf("%q reads as %q, %v", lines, again, err)
		}
	})
}
