package source_test

import (
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"muster"
	"muster/mapping"
	"muster/mapping/source"
)

// serve runs a real server on the loopback address, and gives the endpoint of accounts on it.
func serve(t *testing.T, handle http.HandlerFunc) source.Endpoint {
	t.Helper()
	server := httptest.NewServer(handle)
	t.Cleanup(server.Close)
	return source.Endpoint{URL: server.URL + "/users/{account}", Secret: "s3cret", AllowPrivate: true}
}

func answer(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body)) // the client may be gone
	}
}

func client(t *testing.T, timeout time.Duration) *source.Client {
	t.Helper()
	c := source.NewClient(nil, timeout)
	t.Cleanup(c.Close)
	return c
}

const account = "Ann.B@corp"

func TestAnswers(t *testing.T) {
	t.Parallel()
	type fields = map[string]any
	none := []any{}
	for _, tt := range []struct {
		name   string
		status int
		body   string
		want   mapping.Identity // of a fault, the reason alone
		err    string           // what may pass
	}{
		{"a user", 200, `{"id":"u1","mail":"ann@hr.example","roles":["7"]}`, mapping.Identity{ID: "u1", Fields: fields{"id": "u1", "mail": "ann@hr.example", "roles": []any{"7"}}}, ""},
		{"numbers stay exact", 200, `{"id":1672380646005741634,"roles":[1672380646005741635],"n":[1672380646005741636,1.5]}`, mapping.Identity{
			ID: "1672380646005741634", Fields: fields{"id": "1672380646005741634", "roles": []any{"1672380646005741635"}, "n": []any{int64(1672380646005741636), 1.5}},
		}, ""},
		{"null roles", 200, `{"id":"u1","roles":null}`, mapping.Identity{ID: "u1", Fields: fields{"id": "u1", "roles": none}}, ""},
		{"no id", 200, `{"mail":"x"}`, mapping.Identity{Fields: fields{"id": "", "mail": "x", "roles": none}}, ""},
		{"an empty id", 200, `{"id":""}`, mapping.Identity{Fields: fields{"id": "", "roles": none}}, ""},
		{"an id of the wrong type", 200, `{"id":{"a":1}}`, mapping.Identity{Fields: fields{"id": "", "roles": none}}, ""},

		{"nobody", 404, `{"error":"not found"}`, faulty(muster.ReasonSourceEmpty), ""},
		{"nothing", 204, ``, faulty(muster.ReasonSourceEmpty), ""},
		{"an empty body", 200, "", faulty(muster.ReasonSourceEmpty), ""},
		{"a blank body", 200, " \n", faulty(muster.ReasonSourceEmpty), ""},
		{"null", 200, `null`, faulty(muster.ReasonSourceEmpty), ""},
		{"an empty object", 200, ` {} `, faulty(muster.ReasonSourceEmpty), ""},

		{"roles that are a text", 200, `{"id":"u1","roles":"7"}`, faulty(muster.ReasonSourceRoles), ""},
		{"roles that are an object", 200, `{"id":"u1","roles":{}}`, faulty(muster.ReasonSourceRoles), ""},
		{"a role that is a list", 200, `{"id":"u1","roles":["7",["8"]]}`, faulty(muster.ReasonSourceRoles), ""},
		{"a role that is null", 200, `{"id":"u1","roles":[null]}`, faulty(muster.ReasonSourceRoles), ""},

		{"500", 500, `{"id":"u1"}`, mapping.Identity{}, "status 500"},
		{"503", 503, ``, mapping.Identity{}, "status 503"},
		{"429", 429, ``, mapping.Identity{}, "status 429"},
		{"401", 401, ``, mapping.Identity{}, "status 401"},
		{"201", 201, `{"id":"u1"}`, mapping.Identity{}, "status 201"},
		{"no JSON", 200, `<html>`, mapping.Identity{}, "not JSON"},
		{"half of it", 200, `{"id":"u1"`, mapping.Identity{}, "not JSON"},
		{"more after it", 200, `{"id":"u1"}{}`, mapping.Identity{}, "goes on after"},
		{"a list", 200, `[{"id":"u1"}]`, mapping.Identity{}, "not an object"},
		{"a text", 200, `"u1"`, mapping.Identity{}, "not an object"},
		{"64 KiB", 200, `{"id":"` + strings.Repeat("x", 64<<10-9) + `"}`, mapping.Identity{
			ID: strings.Repeat("x", 64<<10-9), Fields: fields{"id": strings.Repeat("x", 64<<10-9), "roles": none},
		}, ""},
		{"one byte more", 200, `{"id":"` + strings.Repeat("x", 64<<10-8) + `"}`, mapping.Identity{}, "longer than 65536 bytes"},
		{"100 MB", 200, strings.Repeat("x", 100<<20), mapping.Identity{}, "longer than 65536 bytes"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := client(t, 20*time.Second).Get(t.Context(), serve(t, answer(tt.status, tt.body)), account)
			expect(t, got, err, tt.want, tt.err)
		})
	}
}

func faulty(r muster.Reason) mapping.Identity {
	return mapping.Identity{Fault: &muster.Fault{Reason: r}}
}

func expect(t *testing.T, got mapping.Identity, err error, want mapping.Identity, trouble string) {
	t.Helper()
	if (err != nil) != (trouble != "") || err != nil && !strings.Contains(err.Error(), trouble) {
		t.Fatalf("Get = %v, want %q", err, trouble)
	}
	if err != nil && (strings.Contains(err.Error(), "Ann") || strings.Contains(err.Error(), "127.0.0.1") || strings.Contains(err.Error(), "s3cret")) {
		t.Errorf("the error tells more than it may: %v", err)
	}
	if got.Fault != nil {
		got.Fault = &muster.Fault{Reason: got.Fault.Reason}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("identity (-want +got):\n%s", diff)
	}
}

func TestRequest(t *testing.T) {
	t.Parallel()
	var seen atomic.Pointer[http.Request]
	e := serve(t, func(w http.ResponseWriter, r *http.Request) {
		seen.Store(r)
		answer(200, `{"id":"u1"}`)(w, r)
	})
	for _, tt := range []struct{ account, target string }{
		{"ann", "/users/ann"},
		{"Ann.B@corp-1_x", "/users/Ann.B@corp-1_x"},
		{"../admin", "/users/..%2Fadmin"},
		{"..", "/users/%2E%2E"},
		{".", "/users/%2E"},
		{"a?b=c&d=e#f", "/users/a%3Fb%3Dc%26d%3De%23f"},
		{"a b+c%2F", "/users/a%20b%2Bc%252F"},
		{"字\r\nHost: x", "/users/%E5%AD%97%0D%0AHost:%20x"},
	} {
		if _, err := client(t, time.Minute).Get(t.Context(), e, tt.account); err != nil {
			t.Fatal(err)
		}
		r := seen.Load()
		if r.Method != http.MethodGet || r.RequestURI != tt.target || r.Header.Get("Accept") != "application/json" || r.Header.Get("Authorization") != "Bearer s3cret" {
			t.Errorf("for %q came %s %s with %v", tt.account, r.Method, r.RequestURI, r.Header)
		}
	}
	e.Secret = ""
	if _, err := client(t, time.Minute).Get(t.Context(), e, "ann"); err != nil || seen.Load().Header.Values("Authorization") != nil {
		t.Errorf("without a secret came %v, error %v", seen.Load().Header, err)
	}
}

func TestConnections(t *testing.T) {
	t.Parallel()
	none := mapping.Identity{}
	t.Run("refused", func(t *testing.T) {
		t.Parallel()
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		e := source.Endpoint{URL: "http://" + listener.Addr().String() + "/{account}", AllowPrivate: true}
		if err := listener.Close(); err != nil {
			t.Fatal(err)
		}
		got, err := client(t, time.Minute).Get(t.Context(), e, account)
		expect(t, got, err, none, "cannot be reached")
	})
	t.Run("a name that does not exist", func(t *testing.T) {
		t.Parallel()
		got, err := client(t, time.Minute).Get(t.Context(), source.Endpoint{URL: "http://nobody.invalid/{account}"}, account)
		expect(t, got, err, none, "it ")
	})
	t.Run("no answer", func(t *testing.T) {
		t.Parallel()
		e := serve(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		got, err := client(t, 50*time.Millisecond).Get(t.Context(), e, account)
		expect(t, got, err, none, "did not answer in time")
	})
	t.Run("a body that hangs", func(t *testing.T) {
		t.Parallel()
		e := serve(t, func(w http.ResponseWriter, r *http.Request) {
			_, _ = w.Write([]byte(`{"id":`))
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		})
		got, err := client(t, 50*time.Millisecond).Get(t.Context(), e, account)
		expect(t, got, err, none, "did not answer in time")
	})
	t.Run("broken off", func(t *testing.T) {
		t.Parallel()
		e := serve(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
		got, err := client(t, time.Minute).Get(t.Context(), e, account)
		expect(t, got, err, none, "broke the connection off")
	})
	t.Run("a redirect is not followed", func(t *testing.T) {
		t.Parallel()
		var followed atomic.Bool
		target := serve(t, func(http.ResponseWriter, *http.Request) { followed.Store(true) })
		e := serve(t, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, target.URL, http.StatusMovedPermanently)
		})
		got, err := client(t, time.Minute).Get(t.Context(), e, account)
		expect(t, got, err, none, "status 301")
		if followed.Load() {
			t.Error("the redirect was followed")
		}
	})
	t.Run("headers without end", func(t *testing.T) {
		t.Parallel()
		e := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X", strings.Repeat("x", 1<<20)) })
		got, err := client(t, time.Minute).Get(t.Context(), e, account)
		expect(t, got, err, none, "broke the connection off")
	})
}

func TestTLS(t *testing.T) {
	t.Parallel()
	server := httptest.NewTLSServer(answer(200, `{"id":"u1"}`))
	t.Cleanup(server.Close)
	e := source.Endpoint{URL: server.URL + "/{account}", AllowPrivate: true}
	got, err := client(t, time.Minute).Get(t.Context(), e, account)
	expect(t, got, err, mapping.Identity{}, "certificate cannot be verified")

	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	trusting := source.NewClient(roots, time.Minute)
	t.Cleanup(trusting.Close)
	if got, err := trusting.Get(t.Context(), e, account); err != nil || got.ID != "u1" {
		t.Errorf("Get = %+v, %v with the server's certificate trusted", got, err)
	}
}

// An address that is not public is refused, by whatever name it goes and also while a connection to it is kept for
// somebody who may.
func TestPrivateAddresses(t *testing.T) {
	t.Parallel()
	var calls atomic.Int64
	e := serve(t, func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		answer(200, `{"id":"u1"}`)(w, r)
	})
	c := client(t, time.Minute)
	if got, err := c.Get(t.Context(), e, account); err != nil || got.ID != "u1" {
		t.Fatalf("Get = %+v, %v where it is allowed", got, err)
	}
	_, port, _ := strings.Cut(strings.TrimPrefix(e.URL, "http://"), ":")
	for _, host := range []string{"127.0.0.1", "localhost", "[::1]", "0.0.0.0", "[::ffff:127.0.0.1]", "169.254.169.254", "10.0.0.1"} {
		got, err := c.Get(t.Context(), source.Endpoint{URL: fmt.Sprintf("http://%s:%s", host, port)}, account)
		if host == "localhost" && err != nil {
			t.Fatalf("the name localhost: %v", err)
		}
		expect(t, got, err, faulty(muster.ReasonSourceUnreadable), "")
	}
	if calls.Load() != 1 {
		t.Errorf("the server was called %d times, want once", calls.Load())
	}
}

// Whatever a server answers is an identity, a fault or trouble.
func FuzzParse(f *testing.F) {
	for _, s := range []string{`{"id":"u1","roles":["7",8]}`, `{"id":1e400}`, `{}`, `null`, ``, `[`, `{"roles":{}}`, strings.Repeat("[", 20_000)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		identity, err := source.Parse([]byte(body))
		if err == nil && identity.Fault == nil && (identity.Fields == nil || identity.Fields["id"] != identity.ID) {
			t.Errorf("%q gives %+v", body, identity)
		}
	})
}
