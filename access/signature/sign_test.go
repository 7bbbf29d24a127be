package signature

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestSignerRefuses(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name string
		edit func(s *Signer, r *http.Request)
		says string
	}{
		{"no secret", func(s *Signer, r *http.Request) { s.Secret = nil }, "secret is empty"},
		{"no AppId", func(s *Signer, r *http.Request) { s.AppID = "" }, "AppId in Authorization"},
		{"comma in the AppId", func(s *Signer, r *http.Request) { s.AppID = "a,b" }, "Authorization"},
		{"unknown scheme", func(s *Signer, r *http.Request) { s.Scheme = "HMAC-MD5" }, "must begin with"},
		{"no host", func(s *Signer, r *http.Request) { r.Host, r.URL.Host = "", "" }, "host"},
		{"bad method", func(s *Signer, r *http.Request) { r.Method = "GET " }, "not a token"},
		{"bad path", func(s *Signer, r *http.Request) { r.URL.Path = "/a//b" }, "empty segment"},
		{"missing header", func(s *Signer, r *http.Request) { s.Headers = []string{"X-Foo"} }, "x-foo"},
		{"header twice", func(s *Signer, r *http.Request) { r.Header["X-Bar"] = []string{"1", "2"} }, "x-bar"},
		{"header listed twice", func(s *Signer, r *http.Request) { s.Headers = []string{"Host"} }, "more than once"},
		{"line break in the user id", func(s *Signer, r *http.Request) { s.UserID = "1\n2" }, "line break"},
		{"hash of another body", func(s *Signer, r *http.Request) {
			s.Scheme = SchemeSDK
			r.Header.Set("X-Sdk-Content-Sha256", strings.Repeat("0", 64))
		}, "not the hash"},
		{"unsigned payload", func(s *Signer, r *http.Request) {
			s.Scheme = SchemeSDK
			r.Header.Set("X-Sdk-Content-Sha256", "UNSIGNED-PAYLOAD")
		}, "unsigned body"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			r, err := http.NewRequest(http.MethodGet, base+target, nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("X-Bar", "1")
			s := Signer{AppID: "app-1", Secret: []byte(secret), UserID: "1", Headers: []string{"x-bar"}}
			tc.edit(&s, r)
			before := r.Header.Clone()
			if err := s.Sign(r, nil, start); err == nil || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("got %v, want an error with %q", err, tc.says)
			}
			if !reflect.DeepEqual(r.Header, before) {
				t.Errorf("headers changed from %v to %v", before, r.Header)
			}
		})
	}
}

// Signing again, as a retry does, replaces what the first time set.
func TestSignTwice(t *testing.T) {
	t.Parallel()
	r := signedRequest(t, SchemeSDK, base+target)
	signer := Signer{Scheme: SchemeSDK, AppID: "app-2", Secret: []byte("other"), UserID: "2"}
	r.URL.RawQuery, r.URL.Path = "", "/b"
	if err := signer.Sign(r, []byte(body), start.Add(MaxAge)); err != nil {
		t.Fatal(err)
	}
	r.RequestURI = "/b"
	if _, err := verify(Policy{}, r, body, start.Add(2*MaxAge), "other"); err != nil {
		t.Error(err)
	}
}

func TestSignerHidesSecret(t *testing.T) {
	t.Parallel()
	const hidden = "hunter2-hunter2"
	s := Signer{AppID: "app-1", Secret: []byte(hidden)}
	var logged bytes.Buffer
	slog.New(slog.NewJSONHandler(&logged, nil)).Info("x", "signer", s)
	slog.New(slog.NewTextHandler(&logged, nil)).Info("x", "signer", &s)
	marshalled, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	shown := logged.String() + string(marshalled) + fmt.Sprintf("%v %+v %#v %s %v %#v", s, s, s, s, &s, &s)
	for _, form := range []string{hidden, "aHVudGVyMi1odW50ZXIy", "104 117 110", "0x68", "68756e"} {
		if strings.Contains(shown, form) {
			t.Errorf("%q is shown: %s", form, shown)
		}
	}
	if !strings.Contains(shown, "app-1") {
		t.Errorf("the AppId is not shown: %s", shown)
	}
}

// What a Signer signs verifies; with one byte of anything signed changed it doesn't.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	segment := rapid.StringN(1, 12, -1).Filter(func(s string) bool {
		return s != "." && s != ".." && !strings.ContainsAny(s, "/\\\x00")
	})
	text := rapid.String().Filter(func(s string) bool { return !strings.Contains(s, "\x00") })
	rapid.Check(t, func(t *rapid.T) {
		var path, query []byte
		for _, s := range rapid.SliceOfN(segment, 0, 5).Draw(t, "segments") {
			path = appendEscaped(append(path, '/'), s)
		}
		if len(path) == 0 {
			path = []byte("/")
		}
		for _, name := range rapid.SliceOfN(text, 0, 6).Draw(t, "names") {
			query = appendEscaped(append(query, "&n"...), name)
			query = appendEscaped(append(query, '='), text.Draw(t, "value"))
		}
		raw := string(path)
		if len(query) > 0 {
			raw += "?" + string(query[1:])
		}
		signer := Signer{
			Scheme: rapid.SampledFrom([]Scheme{SchemeApp, SchemeSDK}).Draw(t, "scheme"),
			AppID:  rapid.StringMatching(`[!-+\--~]{1,128}`).Draw(t, "AppId"),
			Secret: rapid.SliceOfN(rapid.Byte(), 1, 100).Draw(t, "secret"),
			UserID: rapid.StringMatching(`[0-9]{1,19}`).Draw(t, "user"),
		}
		body := rapid.SliceOf(rapid.Byte()).Draw(t, "body")
		now := start.Add(time.Duration(rapid.Int64Range(0, 1e18).Draw(t, "now")))

		req, err := http.NewRequest(rapid.SampledFrom([]string{"GET", "POST", "PUT", "DELETE"}).Draw(t, "method"), base+raw, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := signer.Sign(req, body, now); err != nil {
			t.Fatal(err)
		}
		r := received(req)
		print, err := verify(Policy{}, r, string(body), now, string(signer.Secret))
		if err != nil {
			t.Fatalf("%s: %v", raw, err)
		}
		if !strings.HasPrefix(print, signer.AppID+"\n"+string(signer.Scheme)+"\n") {
			t.Errorf("fingerprint %q", print)
		}

		spoiled := body
		switch rapid.SampledFrom([]string{"path", "query", "body", "host", "user", "secret"}).Draw(t, "spoiled") {
		case "path":
			r.RequestURI = "/x" + raw
			if string(path) == "/" {
				r.RequestURI = "/x/" + raw[1:]
			}
		case "query":
			r.RequestURI = string(path) + "?" + strings.TrimPrefix(string(query)+"&zz=1", "&")
		case "body":
			spoiled = append(append([]byte{}, body...), 0)
		case "host":
			r.Host += "x"
		case "user":
			r.Header.Set("X-User-Id", signer.UserID+"0")
		case "secret":
			signer.Secret = append([]byte("x"), signer.Secret...)
		}
		if _, err := verify(Policy{}, r, string(spoiled), now, string(signer.Secret)); err != ErrMismatch {
			t.Errorf("%s: got %v, want ErrMismatch", r.RequestURI, err)
		}
	})
}
