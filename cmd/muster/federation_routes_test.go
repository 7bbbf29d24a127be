package main

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"muster/api/koodrive"
)

// TestFederationGetsItsPaths, below a proxy's prefix too, and no others.
func TestFederationGetsItsPaths(t *testing.T) {
	t.Parallel()
	word := func(s string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.Pattern = s
			_, _ = io.WriteString(w, s+" "+r.URL.Path)
		})
	}
	routes, err := newRoutes(routeConfig{
		koodrive: word("koodrive"), federation: word("federation"), prefixes: []string{"/muster"}, native: word("native"), activation: word("activation"), console: word("console"),
		ready: word("ready"), metrics: prometheus.NewRegistry(), logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	for target, want := range map[string]string{
		"/apigovernance/api/oauth/tokenByAkSk": "federation /apigovernance/api/oauth/tokenByAkSk",
		"/apiaccess/x":                         "federation /apiaccess/x",
		"//apiaccess/x":                        "federation //apiaccess/x",
		"/muster/apiaccess/rest/x":             "federation /apiaccess/rest/x",
		"/koodrive/apiaccess/x":                "koodrive /koodrive/apiaccess/x",
		"/muster/koodrive/ose/v1/x":            "koodrive /koodrive/ose/v1/x",
		"/apiaccess":                           "404 page not found\n",
		"/other/apiaccess/x":                   "404 page not found\n",
		"/apiaccessories/x":                    "404 page not found\n",
	} {
		r := httptest.NewRequest(http.MethodPost, target, http.NoBody)
		w := httptest.NewRecorder()
		routes.public.ServeHTTP(w, r)
		if got := w.Body.String(); got != want {
			t.Errorf("%s: %s, want %s", target, got, want)
		}
		if served := !strings.HasPrefix(want, "404"); served && !strings.HasPrefix(want, r.Pattern+" ") {
			t.Errorf("%s: the log has route %q", target, r.Pattern)
		}
	}
}

// TestABusyServerAnswersInTheContractsForm: there is no room for a body, and who asks goes away.
func TestABusyServerAnswersInTheContractsForm(t *testing.T) {
	t.Parallel()
	entered, leave := make(chan struct{}), make(chan struct{})
	defer close(leave)
	kooDrive := koodrive.New(koodrive.Config{})
	h := newBodies().bound(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		entered <- struct{}{}
		<-leave
	}), contractRoom, byContract(http.HandlerFunc(kooDrive.Busy), http.HandlerFunc(federationBusy)).ServeHTTP)
	request := func(path string) *http.Request {
		r := httptest.NewRequest(http.MethodPost, path, strings.NewReader("{}"))
		r.ContentLength = -1 // may be as large as any
		return r
	}
	const largest = 4 << 20
	for range bodyBudget / largest {
		go h.ServeHTTP(httptest.NewRecorder(), request("/apiaccess/x"))
		<-entered
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for path, want := range map[string]string{
		"/apiaccess/x":       `{"resultCode":"503","resultMessage":"The request cannot be taken now. Too many are being received; try again."}`,
		"/koodrive/ose/v1/x": `{"code":503,"msg":"The request cannot be taken now. Too many are being received; try again."}`,
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, request(path).WithContext(gone))
		if w.Code != http.StatusServiceUnavailable || w.Body.String() != want || w.Header().Get("Retry-After") == "" {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
}
