package native_test

import (
	"io"
	"strings"
	"testing"
)

// wantProblem wants a refusal (RFC 9457) of a status, with a text.
func (in *installation) wantProblem(t *testing.T, method, path, body string, status int, want string) {
	t.Helper()
	r := in.send(method, path, body)
	text, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	if r.StatusCode != status || !strings.Contains(string(text), want) || r.Header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("%d %s, want %d with %q", r.StatusCode, text, status, want)
	}
}
