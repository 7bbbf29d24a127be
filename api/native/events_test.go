package native_test

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"muster/api/native"
)

// A batch is followed over HTTP from waiting to its end, which is sent while the connection is open.
func TestABatchIsFollowed(t *testing.T) {
	t.Parallel()
	p := setupProvisioning(t)
	server := httptest.NewServer(p.handler)
	defer server.Close()
	tenant := p.tenant(`{}`)
	path := p.submit(tenant, `{"operation":"create","match":"account","rows":[{"account":"ann","firstName":"Ann"},{"account":"bo"}]}`)
	get := func(path string) *http.Response {
		req, err := http.NewRequestWithContext(t.Context(), "GET", server.URL+native.Prefix+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r, err := server.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	r := get(path + "/events")
	defer r.Body.Close()
	if r.Header.Get("Content-Type") != "text/event-stream" || r.Header.Get("Cache-Control") != "no-store" || r.Header.Get("X-Accel-Buffering") != "no" {
		t.Errorf("headers %v", r.Header)
	}
	lines := bufio.NewReader(r.Body)
	next := func() (event string, b native.Batch) {
		for {
			line, err := lines.ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			switch line = strings.TrimSuffix(line, "\n"); {
			case line == "":
				return event, b
			case strings.HasPrefix(line, "event: "):
				event = line[len("event: "):]
			case strings.HasPrefix(line, "data: "):
				if err := json.Unmarshal([]byte(line[len("data: "):]), &b); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	if event, b := next(); event != "progress" || b.State != "waiting" || b.Total != 2 {
		t.Errorf("first comes %s of %+v", event, b)
	}
	p.start()
	for event := ""; event != "finished"; {
		var b native.Batch
		if event, b = next(); event == "finished" && (b.State != "finished" || b.Succeeded != 1 || b.Failed != 1) {
			t.Errorf("it finished as %+v", b)
		}
	}
	if rest, err := io.ReadAll(lines); err != nil || len(rest) > 0 {
		t.Errorf("after the end comes %q, %v", rest, err)
	}
	missing := get(tenant + "/batches/77/events")
	defer missing.Body.Close()
	decoded[told](t, missing, 404)
}
