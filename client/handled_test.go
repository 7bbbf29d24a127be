package client_test

import (
	"net/http"
	"net/http/httptest"
)

// handled sends requests to a handler without any network.
type handled struct{ http.Handler }

func (h handled) RoundTrip(r *http.Request) (*http.Response, error) {
	received := r.Clone(r.Context())
	received.RequestURI, received.Host = r.URL.RequestURI(), r.URL.Host
	if received.Body == nil {
		received.Body = http.NoBody
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, received)
	return w.Result(), nil
}
