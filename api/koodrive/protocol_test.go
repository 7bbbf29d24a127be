package koodrive_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"muster"
	"muster/access"
	"muster/access/signature"
	"muster/api/koodrive"
)

func setHeader(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

func deleteHeader(name string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Del(name) }
}

// TestRequestsThatAreNotAuthentic: the message says what is wrong only where that helps an honest client and tells an
// attacker nothing.
func TestRequestsThatAreNotAuthentic(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, stranger := b.addTenant(t, "second", "other-client")
	b.addTenant(t, "third", "disabled-client")
	third, err := b.store.Credential(t.Context(), "disabled-client")
	must(t, err)
	_, err = b.access.ChangeCredential(t.Context(), third.Tenant, "disabled-client", access.CredentialChange{Disabled: new(true)})
	must(t, err)
	with := func(change func(*signature.Signer)) signature.Signer {
		s := b.signer
		change(&s)
		return s
	}
	same := func(*signature.Signer) {}
	for _, tc := range []struct {
		name   string
		golden string // "" is name
		signer signature.Signer
		change func(*http.Request)
	}{
		{"no authorization", "", with(same), deleteHeader("Authorization")},
		{"authorization of another kind", "", with(same), setHeader("Authorization", "Bearer token")},
		{"no date", "", with(same), deleteHeader("X-Date")},
		{"no user id", "", with(same), deleteHeader("X-User-Id")},
		{"bad date", "", with(same), setHeader("X-Date", "now")},
		{"old date", "", with(same), setHeader("X-Date", "20260102T024904Z")},
		{"date to come", "", with(same), setHeader("X-Date", "20260102T030411Z")},
		{"another secret", "wrong signature", with(func(s *signature.Signer) { s.Secret = []byte("guessed secret") }), nil},
		{"unknown app", "wrong signature", with(func(s *signature.Signer) { s.AppID = "nobody" }), nil},
		{"disabled app", "wrong signature", with(func(s *signature.Signer) { s.AppID = "disabled-client" }), nil},
		{"another date", "wrong signature", with(same), setHeader("X-Date", "20260102T030404Z")},
		{"another user header", "wrong signature", with(same), setHeader("X-User-Id", "1")},
		{"another host", "wrong signature", with(same), func(r *http.Request) { r.Host = "other.example" }},
		{"another body", "wrong signature", with(same), func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader(oneUser + " ")) }},
		{"another path", "wrong signature", with(same), func(r *http.Request) { r.RequestURI, r.URL.Path, r.Method = getPath, getPath, http.MethodGet }},
		{"another query", "wrong signature", with(same), func(r *http.Request) { r.RequestURI += "?a=1" }},
		{"user of another tenant", "forbidden user", with(func(s *signature.Signer) { s.UserID = stranger.UserID }), nil},
		{"user that does not exist", "forbidden user", with(func(s *signature.Signer) { s.UserID = "42" }), nil},
		{"user that is no id", "forbidden user", with(func(s *signature.Signer) { s.UserID = "root" }), nil},
		{"wrong signature in Chinese", "", with(func(s *signature.Signer) { s.AppID = "nobody" }), setHeader("language", "zh_CN")},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			r := signed(t, tc.signer, http.MethodPost, createPath, oneUser)
			if tc.change != nil {
				tc.change(r)
			}
			name := tc.golden
			if name == "" {
				name = tc.name
			}
			golden(t, name, b.do(r))
		})
	}
	t.Cleanup(func() {
		if len(b.engine.submitted) != 0 || b.logs.String() != "" {
			t.Errorf("%d submitted, logged %q", len(b.engine.submitted), b.logs.String())
		}
	})
}

// TestQueryOrderIsNoPartOfTheSignature: parameters are signed sorted, so a proxy may reorder them.
func TestQueryOrderIsNoPartOfTheSignature(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.engine.page = documented()
	r := b.request(t, http.MethodGet, query("&pageSize=1"), "")
	r.RequestURI = getPath + "?pageSize=1&taskId=" + task.String()
	if answer := b.do(r); answer.StatusCode != http.StatusOK {
		t.Error(dump(t, answer))
	}
}

func TestLanguage(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for language, want := range map[string]string{
		"": "Success", "en-US": "Success", "en": "Success", "de-DE": "Success", "*": "Success", ";;;": "Success",
		"en-US,zh-CN;q=0.5": "Success", strings.Repeat("zh-CN,", 100): "Success",
		"zh-CN": "成功", "zh": "成功", "zh_CN": "成功", "zh-Hans-CN": "成功", "ZH-cn": "成功", "zh-CN,zh;q=0.9,en;q=0.8": "成功", "de,zh;q=0.5": "成功",
	} {
		r := b.request(t, http.MethodPost, createPath, oneUser)
		r.Header.Set("language", language)
		if body := dump(t, b.do(r)); !strings.Contains(body, `"msg":"`+want+`"`) {
			t.Errorf("language %q: %s", language, body)
		}
	}
}

func TestTraceID(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for id, taken := range map[string]bool{
		strings.Repeat("aB3._-", 9) + "wxyz": true, // 58 characters, as documented
		"x":                                  true,
		strings.Repeat("x", 128):             true,
		strings.Repeat("x", 129):             false,
		"":                                   false,
		"a b":                                false,
		"a\nb":                               false,
		"é":                                  false,
	} {
		r := b.request(t, http.MethodPost, createPath, oneUser)
		r.Header["X-Traceid"] = []string{id}
		answer := b.do(r)
		got := answer.Header.Get("X-Traceid")
		switch {
		case answer.StatusCode != http.StatusOK:
			t.Errorf("trace id %q: status %d", id, answer.StatusCode)
		case taken && got != id:
			t.Errorf("trace id %q became %q", id, got)
		case !taken && !regexp.MustCompile(`^[A-Z2-7]{26}$`).MatchString(got):
			t.Errorf("trace id %q became %q, want one of the server's", id, got)
		case b.engine.submitted[len(b.engine.submitted)-1].TraceID != got:
			t.Errorf("trace id %q is not the batch's", got)
		}
	}
	r := b.request(t, http.MethodPost, createPath, oneUser)
	r.Header.Del("X-Traceid")
	w := httptest.NewRecorder()
	w.Header().Set("X-Traceid", "of-the-log")
	b.handler.ServeHTTP(w, r)
	if got := w.Header().Get("X-Traceid"); got != "of-the-log" {
		t.Errorf("trace id = %q, want the one that stood in the answer", got)
	}
}

func TestPatternNamesTheEndpoint(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for target, want := range map[string]string{createPath: "POST " + createPath, createPath + "/": "POST " + createPath, koodrive.Prefix + "/x": ""} {
		r := httptest.NewRequest(http.MethodPost, target, nil)
		b.do(r)
		if r.Pattern != want {
			t.Errorf("%s: pattern %q, want %q", target, r.Pattern, want)
		}
	}
}

// TestStrippedPrefix is a proxy that leaves its prefix in front: it is signed and not routed by.
func TestStrippedPrefix(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.handler = http.StripPrefix("/muster", b.handler)
	if answer := b.do(b.request(t, http.MethodPost, "/muster"+createPath, oneUser)); answer.StatusCode != http.StatusOK {
		t.Error(dump(t, answer))
	}
}

func TestACallerWhoWentAwayIsNoFault(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx, leave := context.WithCancel(t.Context())
	leave()
	b.engine.err = context.Canceled
	pending := b.request(t, http.MethodPost, createPath, oneUser).WithContext(ctx)
	if answer := b.do(pending); answer.StatusCode != http.StatusServiceUnavailable || b.logs.String() != "" {
		t.Errorf("status %d, logged %q", answer.StatusCode, b.logs.String())
	}
}

// endless gives the beginning of a JSON document and then spaces, and counts what was taken.
type endless struct {
	size  int64
	taken atomic.Int64
}

func (e *endless) Read(p []byte) (int, error) {
	at := e.taken.Load()
	if at >= e.size {
		return 0, io.EOF
	}
	p = p[:min(int64(len(p)), e.size-at)]
	for i := range p {
		p[i] = ' '
	}
	e.taken.Add(int64(len(p)))
	return len(p), nil
}

// TestBodiesBeyondTheLimit: 100 MB are refused without being read, whether their length is announced or not.
func TestBodiesBeyondTheLimit(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, announced := range []bool{true, false} {
		body := &endless{size: 100 << 20}
		r := b.request(t, http.MethodPost, createPath, oneUser)
		r.Body, r.ContentLength = io.NopCloser(body), -1
		most := int64(koodrive.DefaultMaxBody) + 64<<10
		if announced {
			r.ContentLength, most = body.size, 0
		}
		golden(t, "body too large", b.do(r))
		if taken := body.taken.Load(); taken > most {
			t.Errorf("announced %v: %d bytes were read, want at most %d", announced, taken, most)
		}
	}
}

// TestBodiesBeyondTheLimitOverTheWire is the same over a connection: the client gets its answer while it still sends.
func TestBodiesBeyondTheLimitOverTheWire(t *testing.T) {
	t.Parallel()
	b := setup(t)
	server := httptest.NewServer(b.handler)
	t.Cleanup(server.Close)
	for _, length := range []int64{100 << 20, -1} {
		body := &endless{size: 100 << 20}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+createPath, nil)
		must(t, err)
		must(t, b.signer.Sign(r, nil, now))
		r.Body, r.ContentLength = io.NopCloser(body), length
		answer, err := server.Client().Do(r)
		must(t, err)
		if answer.StatusCode != http.StatusRequestEntityTooLarge {
			t.Errorf("status = %d, want 413", answer.StatusCode)
		}
		must(t, answer.Body.Close())
		if taken := body.taken.Load(); taken > 32<<20 { // what was read and what the connection's buffers hold
			t.Errorf("the client could send %d bytes of %d", taken, body.size)
		}
	}
}

func TestTheLimitIsASetting(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.handler = koodrive.New(koodrive.Config{
		Verifier: b.verifier, Submitter: b.engine, Reader: b.engine, IDs: b.records, Logger: slog.New(slog.DiscardHandler), MaxBody: int64(len(oneUser)),
	})
	for body, want := range map[string]int{oneUser: http.StatusOK, oneUser + " ": http.StatusRequestEntityTooLarge} {
		if answer := b.do(b.request(t, http.MethodPost, createPath, body)); answer.StatusCode != want {
			t.Errorf("a body of %d bytes: status %d, want %d", len(body), answer.StatusCode, want)
		}
	}
}

type failingReader struct{ err error }

func (f failingReader) Read([]byte) (int, error) { return 0, f.err }

func TestABodyThatBreaksOff(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r := b.request(t, http.MethodPost, createPath, oneUser)
	r.Body = io.NopCloser(failingReader{io.ErrUnexpectedEOF})
	golden(t, "body broken off", b.do(r))
}

// TestNothingIsReadBeforeTheHeadersAreInOrder: who cannot pass them gets no further.
func TestNothingIsReadBeforeTheHeadersAreInOrder(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r := b.request(t, http.MethodPost, createPath, oneUser)
	r.Header.Set("X-Date", "20260101T000000Z")
	r.Body = io.NopCloser(failingReader{errors.New("the body was read")})
	if answer := b.do(r); answer.StatusCode != http.StatusUnauthorized {
		t.Error(dump(t, answer))
	}
}

func TestBothSchemesAreServed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.signer.Scheme = signature.SchemeSDK
	if answer := b.do(b.request(t, http.MethodPost, createPath, oneUser)); answer.StatusCode != http.StatusOK {
		t.Error(dump(t, answer))
	}
	if got := b.engine.submitted[0]; got.ActorLevel != muster.LevelSystemAdmin || got.Actor != user {
		t.Errorf("submission = %+v", got)
	}
}

// TestBusy is the answer to a request for whose body there is no room.
func TestBusy(t *testing.T) {
	t.Parallel()
	b := setup(t)
	h, ok := b.handler.(*koodrive.Handler)
	if !ok {
		t.Fatalf("the handler is a %T", b.handler)
	}
	b.handler = http.HandlerFunc(h.Busy)
	golden(t, "busy", b.ask(t, "", http.MethodPost, createPath, oneUser))
	golden(t, "busy in Chinese", b.ask(t, "", http.MethodPost, createPath, oneUser, setHeader("language", "zh-CN")))
}

func TestOtherPathsAndMethods(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.engine.page = documented()
	for _, tc := range []struct{ name, method, target string }{
		{"path unknown", http.MethodGet, koodrive.Prefix + "/user/batchRegister/put"},
		{"path in another case", http.MethodGet, strings.ToLower(getPath)},
		{"path with an empty segment", http.MethodGet, koodrive.Prefix + "//user"},
		{"path escaped", http.MethodGet, strings.Replace(query(""), "batchRegister/", "batchRegister%2F", 1)},
		{"method wrong for create", http.MethodGet, createPath},
		{"method wrong for get", http.MethodPost, query("")},
		{"method unknown", "BREW", query("")},
		{"options of create", http.MethodOptions, createPath},
		{"options of get", http.MethodOptions, query("")},
		{"head of get", http.MethodHead, query("")},
		{"slash at the end", http.MethodGet, strings.Replace(query(""), "?", "/?", 1)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequest(tc.method, tc.target, nil)
			r.Header.Set("X-Traceid", trace)
			if tc.method == http.MethodHead || strings.Contains(tc.target, "/?") {
				must(t, b.signer.Sign(r, nil, now))
			}
			golden(t, tc.name, b.do(r))
		})
	}
}
