package client

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"muster/access/signature"
)

const (
	testApp    = "app-1"
	testSecret = "a secret for tests"
	testUser   = "1505084218764547200"
)

// server answers in memory, in the order of its script; its last step answers all further requests.
type server struct {
	t      *testing.T
	script []step
	seen   []*http.Request
	bodies []string
	times  []time.Time
}

type step func(*http.Request) (*http.Response, error)

func (s *server) RoundTrip(req *http.Request) (*http.Response, error) {
	body := ""
	if req.Body != nil {
		text, err := io.ReadAll(req.Body)
		if err != nil {
			return nil, err
		}
		body = string(text)
	}
	s.verify(req, body)
	s.seen, s.bodies, s.times = append(s.seen, req), append(s.bodies, body), append(s.times, time.Now())
	do := s.script[min(len(s.seen), len(s.script))-1]
	return do(req)
}

// verify checks the signature as a server does.
func (s *server) verify(req *http.Request, body string) {
	s.t.Helper()
	received := req.Clone(req.Context())
	received.RequestURI = req.URL.RequestURI()
	received.Host = req.URL.Host
	signed, err := signature.Policy{}.Parse(received)
	if err != nil {
		s.t.Fatalf("parse the signature: %v", err)
	}
	if err := signed.CheckDate(time.Now(), signature.MaxAge, signature.Leeway); err != nil {
		s.t.Errorf("the date of the signature: %v", err)
	}
	if _, err := signed.Verify(sha256.Sum256([]byte(body)), []byte(testSecret)); err != nil {
		s.t.Errorf("the signature of %s %s: %v", req.Method, req.URL, err)
	}
}

func answer(status int, body string, header ...string) step {
	return func(*http.Request) (*http.Response, error) {
		r := &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		return r, nil
	}
}

func broken(err error) step {
	return func(*http.Request) (*http.Response, error) { return nil, err }
}

func page(status Status, next string, rows ...string) step {
	type object = map[string]any
	list := []object{}
	for _, phone := range rows {
		list = append(list, object{"id": "1" + phone, "userId": "2" + phone, "phone": phone})
	}
	data := object{"code": 0, "msg": "success", "registerList": list, "taskInfo": object{"taskId": "7", "status": status}}
	if next != "" {
		data["nextPageCursor"] = next
	}
	text, err := json.Marshal(object{"code": 0, "msg": "Success", "data": data})
	if err != nil {
		panic(err)
	}
	return answer(http.StatusOK, string(text))
}

func newClient(t *testing.T, script ...step) (*Client, *server) {
	t.Helper()
	c, err := New("http://muster.test/prefix/", Credentials{AppID: testApp, Secret: testSecret, UserID: testUser})
	if err != nil {
		t.Fatal(err)
	}
	s := &server{t: t, script: script}
	c.HTTP = &http.Client{Transport: s}
	return c, s
}

const created = `{"data":"1893596414966089600","code":0,"msg":"Success"}`

func TestCreateBatchSendsTheContractsBody(t *testing.T) {
	t.Parallel()
	c, s := newClient(t, answer(200, created))
	c.Language = "zh-CN"
	id, err := c.CreateBatch(t.Context(), []User{{FirstName: "A", Phone: "0027100000001", Password: "pass"}, {}})
	if err != nil || id != "1893596414966089600" {
		t.Fatalf("CreateBatch = %q, %v", id, err)
	}
	want := `{"userList":[{"firstname":"A","phone":"0027100000001","password":"pass"},{"firstname":"","phone":""}]}`
	if s.bodies[0] != want {
		t.Errorf("body = %s, want %s", s.bodies[0], want)
	}
	if got := s.seen[0].URL.String(); got != "http://muster.test/prefix"+createPath {
		t.Errorf("sent to %s", got)
	}
	if got := s.seen[0].Header.Get("language"); got != "zh-CN" {
		t.Errorf("language = %q", got)
	}
}

func TestCreateBatchRefusesWhatJSONWouldChange(t *testing.T) {
	t.Parallel()
	c, s := newClient(t, answer(200, created))
	_, err := c.CreateBatch(t.Context(), []User{{FirstName: "A"}, {Surname: "\xff"}})
	if err == nil || !strings.Contains(err.Error(), "user 2 ") || len(s.seen) != 0 {
		t.Errorf("error %v after %d requests, want one that names user 2, and no request", err, len(s.seen))
	}
}

func TestBatchEscapesItsParameters(t *testing.T) {
	t.Parallel()
	c, s := newClient(t, page(Finished, ""))
	if _, err := c.Batch(t.Context(), "7", "a+b c&d=é/", 5); err != nil {
		t.Fatal(err)
	}
	query, err := url.ParseQuery(strings.ReplaceAll(s.seen[0].URL.RawQuery, "+", "%2B"))
	if err != nil {
		t.Fatal(err)
	}
	want := url.Values{"taskId": {"7"}, "cursor": {"a+b c&d=é/"}, "pageSize": {"5"}}
	if diff := cmp.Diff(want, query); diff != "" {
		t.Errorf("query (-want +got):\n%s", diff)
	}
}

func TestTheSameSignedRequestIsSentAgain(t *testing.T) {
	t.Parallel()
	tests := map[string]step{
		"a connection that broke":      broken(errors.New("connection reset by peer")),
		"an answer that was cut off":   cutOff,
		"too many requests":            answer(429, "", "Retry-After", "1"),
		"a proxy without its server":   answer(502, "<html>"),
		"a server that is not ready":   answer(503, `{"code":503,"msg":"The disk is full."}`),
		"a proxy that lost patience":   answer(504, ""),
		"a busy server without a hint": answer(429, ""),
	}
	for name, trouble := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c, s := newClient(t, trouble, trouble, answer(200, created))
				if _, err := c.CreateBatch(t.Context(), []User{{FirstName: "A", Phone: "12345"}}); err != nil {
					t.Fatal(err)
				}
				if len(s.seen) != 3 {
					t.Fatalf("%d requests, want 3", len(s.seen))
				}
				for i := 1; i < 3; i++ {
					if diff := cmp.Diff(s.seen[0].Header, s.seen[i].Header); diff != "" || s.bodies[i] != s.bodies[0] {
						t.Errorf("request %d is not the very same (-first +repeat):\n%s", i, diff)
					}
				}
			})
		})
	}
}

func cutOff(*http.Request) (*http.Response, error) {
	torn := io.MultiReader(strings.NewReader(created[:10]), failing{})
	return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(torn)}, nil
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestRetryAfterIsHonoured(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		date := time.Now().Add(50 * time.Second).UTC().Format(http.TimeFormat)
		c, s := newClient(t, answer(429, "", "Retry-After", "30"), answer(503, "", "Retry-After", date), answer(200, created))
		if _, err := c.CreateBatch(t.Context(), []User{{}}); err != nil {
			t.Fatal(err)
		}
		if first, second := s.times[1].Sub(s.times[0]), s.times[2].Sub(s.times[0]); first != 30*time.Second || second != 50*time.Second {
			t.Errorf("sent again after %s and %s, want 30s and 50s", first, second)
		}
	})
}

func TestPatienceEnds(t *testing.T) {
	t.Parallel()
	reset := errors.New("connection reset by peer")
	t.Run("with the network's error", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			c, s := newClient(t, broken(reset))
			c.Patience = time.Minute
			begin := time.Now()
			_, err := c.CreateBatch(t.Context(), []User{{}})
			if spent := time.Since(begin); !errors.Is(err, reset) || spent > time.Minute || spent < 40*time.Second {
				t.Errorf("error %v after %s, want the network's after some minute", err, spent)
			}
			if n := len(s.seen); n < 8 || n > 30 {
				t.Errorf("%d requests in a minute", n)
			}
		})
	})
	t.Run("at once when the server asks for more", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			c, s := newClient(t, answer(429, `{"code":429,"msg":"The queue is full."}`, "Retry-After", "3600", "X-Traceid", "t-1"))
			_, err := c.CreateBatch(t.Context(), []User{{}})
			var refusal *Error
			if !errors.As(err, &refusal) {
				t.Fatalf("error %v, want an *Error", err)
			}
			want := Error{Status: 429, Code: 429, Message: "The queue is full.", TraceID: "t-1", RetryAfter: time.Hour}
			if *refusal != want || len(s.seen) != 1 {
				t.Errorf("%+v after %d requests, want %+v after 1", *refusal, len(s.seen), want)
			}
		})
	})
	t.Run("when told not to wait", func(t *testing.T) {
		t.Parallel()
		c, s := newClient(t, broken(reset))
		c.Patience = -1
		if _, err := c.CreateBatch(t.Context(), []User{{}}); !errors.Is(err, reset) || len(s.seen) != 1 {
			t.Errorf("error %v after %d requests, want the network's after 1", err, len(s.seen))
		}
	})
	t.Run("with its context", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			c, _ := newClient(t, broken(reset))
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if _, err := c.CreateBatch(ctx, []User{{}}); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("error %v, want the context's", err)
			}
		})
	})
}

func TestWhatTryingAgainCannotMendIsNotTriedAgain(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		script step
		want   string
	}{
		"a refusal":             {answer(400, `{"code":13000102,"msg":"Verify parameters failed."}`, "X-Traceid", "t-9"), "the server refused: Verify parameters failed (HTTP 400, code 13000102, trace t-9)"},
		"a wrong signature":     {answer(401, `{"code":401,"msg":"No."}`), "the server refused: No (HTTP 401)"},
		"a proxy's page":        {answer(404, "<html>not here</html>"), "the server refused: Not Found (HTTP 404)"},
		"a redirect":            {answer(308, "", "Location", "https://other.test/"), "the server refused: Permanent Redirect (HTTP 308)"},
		"a code in quotes":      {answer(400, `{"code":"13000309","msg":"Gone."}`), "code 13000309"},
		"a refusal with 200":    {answer(200, `{"code":13000201,"msg":"Internal."}`), "code 13000201"},
		"200 without the shape": {answer(200, "<html>hello</html>"), "HTTP 200 without a code"},
		"200 with other data":   {answer(200, `{"code":0,"data":{}}`), "not one of the KooDrive contract"},
		"200 without an id":     {answer(200, `{"code":0,"data":""}`), "the task's id is empty"},
		"too long an answer":    {answer(200, strings.Repeat(" ", MaxAnswer+1)), "more than 16777216 bytes"},
		"a bad certificate":     {broken(&tls.CertificateVerificationError{Err: errors.New("expired")}), "expired"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, s := newClient(t, tt.script)
			_, err := c.CreateBatch(t.Context(), []User{{}})
			if err == nil || !strings.Contains(err.Error(), tt.want) || len(s.seen) != 1 {
				t.Errorf("error %v after %d requests, want one with %q after 1", err, len(s.seen), tt.want)
			}
		})
	}
}

func TestFollowGivesEachRowOnceInOrder(t *testing.T) {
	t.Parallel()
	tests := map[string][]step{
		"all at once":                       {page(Finished, "", "a", "b", "c", "d")},
		"a page that grows":                 {page(Waiting, ""), page(Running, "", "a"), page(Running, "", "a", "b", "c"), page(Finished, "", "a", "b", "c", "d")},
		"several pages":                     {page(Running, "p2", "a", "b"), page(Running, "", "c"), page(Finished, "", "c", "d")},
		"a full page before the next":       {page(Running, "", "a", "b"), page(Finished, "p2", "a", "b"), page(Finished, "", "c", "d")},
		"finished before its last page":     {page(Finished, "p2", "a"), page(Finished, "p3", "b", "c"), page(Finished, "", "d")},
		"a network fault between two pages": {page(Finished, "p2", "a", "b"), broken(errors.New("reset")), page(Finished, "", "c", "d")},
	}
	for name, script := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c, _ := newClient(t, script...)
				var got []string
				for row, err := range c.Follow(t.Context(), "7") {
					if err != nil {
						t.Fatal(err)
					}
					got = append(got, row.Phone)
				}
				if want := []string{"a", "b", "c", "d"}; !slices.Equal(got, want) {
					t.Errorf("rows %v, want %v", got, want)
				}
			})
		})
	}
}

func TestFollowEndsWithAnError(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		script []step
		want   string
	}{
		"an unknown task":        {[]step{answer(400, `{"code":13000309,"msg":"No such task."}`)}, "code 13000309"},
		"pages that never end":   {[]step{page(Running, "again")}, "follow an empty page"},
		"a context that is over": {[]step{page(Running, "", "a")}, "deadline exceeded"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c, s := newClient(t, tt.script...)
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				var last error
				for _, err := range c.Follow(ctx, "7") {
					last = err
				}
				if last == nil || !strings.Contains(last.Error(), tt.want) {
					t.Errorf("error %v, want one with %q", last, tt.want)
				}
				if most := int(time.Hour/slowest) + 10; len(s.seen) > most {
					t.Errorf("%d polls in an hour, want at most %d", len(s.seen), most)
				}
			})
		})
	}
}

func TestWaitReturnsTheCounters(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		done := answer(200, `{"code":0,"data":{"registerList":[],"taskInfo":{"taskId":"7","status":"2","totalCount":3,"successCount":1,"failCount":1,"skipCount":1}}}`)
		c, _ := newClient(t, page(Waiting, ""), page(Running, ""), done)
		task, err := c.Wait(t.Context(), "7")
		if err != nil {
			t.Fatal(err)
		}
		if want := (Task{ID: "7", Status: Finished, Total: 3, Succeeded: 1, Failed: 1, Skipped: 1}); *task != want {
			t.Errorf("task %+v, want %+v", *task, want)
		}
	})
}

func TestNothingPrintsASecretOrAPerson(t *testing.T) {
	t.Parallel()
	c := Credentials{AppID: testApp, Secret: testSecret, UserID: testUser}
	u := User{FirstName: "Jane", Phone: "27100000001", Password: "hunter2"}
	text := fmt.Sprintf("%v %+v %#v %s %v %+v %#v", c, c, c, c, u, &u, []User{u})
	for _, hidden := range []string{testSecret, "Jane", "27100000001", "hunter2"} {
		if strings.Contains(text, hidden) {
			t.Errorf("printed %q in %s", hidden, text)
		}
	}
}

func TestNewRefusesWhatCannotWork(t *testing.T) {
	t.Parallel()
	good := Credentials{AppID: testApp, Secret: testSecret, UserID: testUser}
	tests := map[string]struct {
		url string
		c   Credentials
	}{
		"no scheme":  {"muster.test", good},
		"ftp":        {"ftp://muster.test", good},
		"a query":    {"http://muster.test/?a=b", good},
		"a password": {"http://me:pass@muster.test", good},
		"no app":     {"http://muster.test", Credentials{Secret: "x"}},
		"no secret":  {"http://muster.test", Credentials{AppID: "x"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := New(tt.url, tt.c); err == nil || strings.Contains(err.Error(), "pass@") {
				t.Errorf("New: %v, want an error without the password", err)
			}
		})
	}
}

// A real connection that the server drops before it answers is a network fault like any other.
func TestADroppedConnectionIsTriedAgain(t *testing.T) {
	t.Parallel()
	calls := 0
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if calls++; calls == 1 {
			panic(http.ErrAbortHandler)
		}
		_, _ = io.WriteString(w, created)
	}))
	defer srv.Close()
	c, err := New(srv.URL, Credentials{AppID: testApp, Secret: testSecret, UserID: testUser})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.CreateBatch(t.Context(), []User{{}}); err != nil || calls != 2 {
		t.Errorf("error %v after %d calls, want none after 2", err, calls)
	}
}
