package webhook_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"muster"
	"muster/webhook"
)

func TestURLsThatAreCalled(t *testing.T) {
	t.Parallel()
	b := setup(t)
	anywhere, strict := *b.service, *b.service
	anywhere.Anywhere, strict.Allow = true, nil
	for url, want := range map[string][3]bool{ // by the service that allows loopback, that allows nothing more, and that does not judge
		"https://example.com/hook?a=b":   {true, true, true},
		"https://example.com:8443":       {true, true, true},
		"HTTPS://EXAMPLE.COM/":           {true, true, true},
		"https://[2606:4700::1]/":        {true, true, true},
		"http://example.com/":            {true, false, true}, // it may lead to an allowed network
		"http://127.0.0.1:9/":            {true, false, true},
		"https://127.0.0.1/":             {true, false, true},
		"https://10.0.0.1/":              {false, false, true},
		"http://8.8.8.8/":                {false, false, true},
		"https://[::ffff:10.0.0.1]/":     {false, false, true},
		"https://[64:ff9b::a00:1]/":      {false, false, true},
		"https://169.254.169.254/latest": {false, false, true},
		"":                               {},
		"example.com":                    {},
		"/hook":                          {},
		"https:///hook":                  {},
		"https://:443/":                  {},
		"ftp://example.com/":             {},
		"javascript:alert(1)":            {},
		"https://user@example.com/":      {},
		"https://user:pw@example.com/":   {},
		"https://example.com/#part":      {},
		"https://example.com/a b":        {},
		"https://example.com/\r\nX: y":   {},
		"https://example.com/é":          {},
		"https://example.com/%zz":        {},
		"https://example.com/" + strings.Repeat("a", webhook.MaxURL): {},
	} {
		for i, s := range []*webhook.Service{b.service, &strict, &anywhere} {
			issued, err := s.Create(t.Context(), b.tenant, webhook.New{URL: url})
			if (err == nil) != want[i] || err != nil && muster.KindOf(err) != muster.KindInvalid {
				t.Errorf("service %d: %q: %v, want it taken: %t", i, url, err, want[i])
			}
			if err == nil {
				must(t, b.store.DeleteWebhook(t.Context(), b.tenant, issued.Hook.ID))
			}
		}
	}
}

func TestTheLifeOfAWebhook(t *testing.T) {
	t.Parallel()
	b := setup(t)
	made, err := b.service.Create(t.Context(), b.tenant, webhook.New{Name: "Ours", URL: "https://example.com/", Types: webhook.TypesOf(webhook.UsersChanged)})
	must(t, err)
	stored, err := b.store.Webhook(t.Context(), b.tenant, made.Hook.ID)
	must(t, err)
	if diff := cmp.Diff(made.Hook, stored); diff != "" {
		t.Errorf("stored (-made +stored):\n%s", diff)
	}
	if key, err := webhook.ParseSecret(made.Secret); err != nil || len(key) != 32 {
		t.Errorf("the secret made has %d bytes, %v", len(key), err)
	}

	b.clock.Advance(time.Minute)
	brought := "whsec_" + base64.StdEncoding.EncodeToString([]byte("24 bytes that they have."))
	rotated, err := b.service.Rotate(t.Context(), b.tenant, made.Hook.ID, brought)
	must(t, err)
	if len(rotated.Hook.Secrets) != 2 || rotated.Secret != brought || !rotated.Hook.Secrets[1].ExpiresAt.Equal(b.clock.Now().Add(webhook.Overlap)) {
		t.Errorf("rotated to %+v", rotated.Hook.Secrets)
	}
	again, err := b.service.Rotate(t.Context(), b.tenant, made.Hook.ID, "")
	must(t, err)
	if len(again.Hook.Secrets) != 2 || !bytes.Equal(again.Hook.Secrets[1].Sealed, rotated.Hook.Secrets[0].Sealed) {
		t.Error("the secret before was not kept")
	}
	if _, err := b.service.Rotate(t.Context(), b.tenant, made.Hook.ID, "whsec_short"); muster.KindOf(err) != muster.KindInvalid {
		t.Errorf("a short secret: %v", err)
	}
	if _, err := b.service.Rotate(t.Context(), b.other, made.Hook.ID, ""); muster.KindOf(err) != muster.KindNotFound {
		t.Errorf("another tenant's: %v", err)
	}

	_, err = b.store.UpdateWebhook(t.Context(), b.tenant, made.Hook.ID, func(h *webhook.Hook) error {
		h.Disabled, h.Reason, h.FailingSince = true, "It fails.", b.clock.Now()
		return nil
	})
	must(t, err)
	name, url, on, all := "", "https://example.org/", false, webhook.Types(0)
	changed, err := b.service.Change(t.Context(), b.tenant, made.Hook.ID, webhook.Patch{Name: &name, URL: &url, Types: &all, Disabled: &on})
	must(t, err)
	want := again.Hook
	want.Name, want.URL, want.Types = "", url, 0
	if diff := cmp.Diff(want, changed); diff != "" {
		t.Errorf("changed (-want +got):\n%s", diff)
	}
	for what, p := range map[string]webhook.Patch{"a URL": {URL: &name}, "a name": {Name: new(string)}} {
		*or(p.Name) = strings.Repeat("é", 65)
		if _, err := b.service.Change(t.Context(), b.tenant, made.Hook.ID, p); muster.KindOf(err) != muster.KindInvalid {
			t.Errorf("%s that is none: %v", what, err)
		}
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if text := fmt.Sprintf(verb+verb, made, webhook.New{Secret: brought}); strings.Contains(text, "whsec") {
			t.Errorf("%s prints %s", verb, text)
		}
	}
}

func or(s *string) *string {
	if s == nil {
		return new(string)
	}
	return s
}

func TestTypesOfEvents(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		names []string
		want  webhook.Types
		ok    bool
	}{
		{nil, 0, true},
		{[]string{"users.changed"}, webhook.TypesOf(webhook.UsersChanged), true},
		{[]string{"batch.finished", "users.changed"}, webhook.TypesOf(webhook.UsersChanged, webhook.BatchFinished), true},
		{[]string{"webhook.test"}, 0, false},
		{[]string{""}, 0, false},
		{[]string{"users.deleted"}, 0, false},
	} {
		got, err := webhook.ParseTypes(c.names)
		if got != c.want || (err == nil) != c.ok {
			t.Errorf("%q: %b, %v", c.names, got, err)
		}
		if diff := cmp.Diff(c.names, got.Names()); c.ok && diff != "" {
			t.Errorf("names (-want +got):\n%s", diff)
		}
	}
}

// TestNoSecretIsStored: of webhooks' secrets nothing lies in the data folder, in whatever form.
func TestNoSecretIsStored(t *testing.T) {
	t.Parallel()
	b := setup(t)
	made := b.create(t, "https://visible.example.com/")
	rotated, err := b.service.Rotate(t.Context(), b.tenant, made.Hook.ID, "")
	must(t, err)
	b.happen(t, b.tenant, 77)
	found := make(map[string]bool)
	must(t, filepath.WalkDir(b.dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		found["the URL"] = found["the URL"] || bytes.Contains(content, []byte("visible.example.com"))
		for _, s := range []string{made.Secret, rotated.Secret} {
			key, fault := webhook.ParseSecret(s)
			if bytes.Contains(content, []byte(strings.TrimPrefix(s, "whsec_"))) || bytes.Contains(content, key) {
				t.Errorf("a secret lies in %s", path)
			}
			err = errors.Join(err, fault)
		}
		return err
	}))
	if !found["the URL"] {
		t.Error("the test looked in the wrong place")
	}
}
