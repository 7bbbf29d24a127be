package webhook_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

func verify(secret string, header http.Header, body []byte, now time.Time) error {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil {
		return err
	}
	id, at := header.Get("webhook-id"), header.Get("webhook-timestamp")
	seconds, err := strconv.ParseInt(at, 10, 64)
	if err != nil || now.Sub(time.Unix(seconds, 0)).Abs() > 5*time.Minute {
		return errors.New("the message is too old")
	}
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s.%s.%s", id, at, body)
	for _, signature := range strings.Fields(header.Get("webhook-signature")) {
		sent, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(signature, "v1,"))
		if err == nil && hmac.Equal(sent, mac.Sum(nil)) {
			return nil
		}
	}
	return errors.New("nobody who has the secret signed this")
}

// TestReceiversVerifyAsTheDocumentSays: what docs/api.md shows is the function above, and takes our messages, and no others.
func TestReceiversVerifyAsTheDocumentSays(t *testing.T) {
	t.Parallel()
	document, err := os.ReadFile("../docs/api.md")
	must(t, err)
	source, err := os.ReadFile("example_test.go")
	must(t, err)
	_, shown, found := strings.Cut(string(document), "```go\nfunc verify(")
	shown, _, ended := strings.Cut(shown, "```")
	if !found || !ended || !strings.Contains(string(source), "func verify("+shown) {
		t.Error("docs/api.md shows another function")
	}

	b := setup(t)
	r := receive(t, status(200))
	made := b.create(t, r.URL)
	rotated, err := b.service.Rotate(t.Context(), b.tenant, made.Hook.ID, "")
	must(t, err)
	b.happen(t, b.tenant)
	b.start(t)
	m := r.next(t)
	now := b.clock.Now()
	for name, c := range map[string]struct {
		secret, body string
		now          time.Time
		ok           bool
	}{
		"the new secret":     {rotated.Secret, m.body, now, true},
		"the old one":        {made.Secret, m.body, now, true},
		"another one":        {"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", m.body, now, false},
		"another body":       {made.Secret, m.body + " ", now, false},
		"much later":         {made.Secret, m.body, now.Add(time.Hour), false},
		"a clock set wrong":  {made.Secret, m.body, now.Add(-time.Hour), false},
		"a secret not whole": {made.Secret + "=", m.body, now, false},
	} {
		if err := verify(c.secret, m.header, []byte(c.body), c.now); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}
