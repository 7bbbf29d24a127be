package signature

import (
	"crypto/sha256"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

const (
	base   = "https://drive.example.test"
	target = "/koodrive/ose/v1/user/batchRegister/get?taskId=1882735962480556672&cursor=0&pageSize=1"
	body   = `{"userList":[]}`
	secret = "test-secret"
)

func isStatus(err error, status int) bool {
	var e *Error
	return errors.As(err, &e) && e.Status == status
}

// signedRequest is a request as a server of the given authority receives it, signed at start.
func signedRequest(t testing.TB, scheme Scheme, url string, headers ...string) *http.Request {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	signer := Signer{Scheme: scheme, AppID: "app-1", Secret: []byte(secret), UserID: "1505084218764547200"}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
		signer.Headers = append(signer.Headers, headers[i])
	}
	if err := signer.Sign(req, []byte(body), start); err != nil {
		t.Fatal(err)
	}
	return received(req)
}

// received is what net/http gives a server of a client's request.
func received(req *http.Request) *http.Request {
	r := httptest.NewRequest(req.Method, "/", nil)
	r.RequestURI, r.Host, r.Header = req.URL.RequestURI(), req.Host, req.Header.Clone()
	return r
}

func verify(p Policy, r *http.Request, body string, now time.Time, secrets ...string) (string, error) {
	s, err := p.Parse(r)
	if err != nil {
		return "", err
	}
	if err := s.CheckDate(now, MaxAge, Leeway); err != nil {
		return "", err
	}
	var keys [][]byte
	for _, secret := range secrets {
		keys = append(keys, []byte(secret))
	}
	return s.Verify(sha256.Sum256([]byte(body)), keys...)
}

func TestTampering(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name string
		edit func(r *http.Request)
		body string
		err  error // nil: still valid
	}{
		{name: "untouched"},
		{name: "query in another order", edit: func(r *http.Request) {
			r.RequestURI = "/koodrive/ose/v1/user/batchRegister/get?pageSize=1&cursor=0&taskId=1882735962480556672"
		}},
		{name: "equivalent escapes", edit: func(r *http.Request) {
			r.RequestURI = strings.NewReplacer("koodrive", "%6b%6Fodrive", "cursor", "%63ursor").Replace(target)
		}},
		{name: "slash at the end", edit: func(r *http.Request) { r.RequestURI = strings.Replace(target, "/get?", "/get/?", 1) }},
		{name: "the SDK scheme's content hash, which the app scheme ignores", edit: func(r *http.Request) {
			r.Header.Set("X-Sdk-Content-Sha256", "UNSIGNED-PAYLOAD")
		}},
		{name: "unsigned header", edit: func(r *http.Request) { r.Header.Set("X-Traceid", "abc") }},
		{name: "signed names in other case and order", edit: func(r *http.Request) {
			a := r.Header.Get("Authorization")
			r.Header.Set("Authorization", strings.Replace(a, "host;x-date;x-user-id", "X-User-Id;HOST;x-Date", 1))
		}},
		{name: "another body", body: body + " ", err: ErrMismatch},
		{name: "another path", edit: func(r *http.Request) { r.RequestURI = strings.Replace(target, "/get?", "/create?", 1) }, err: ErrMismatch},
		{name: "path in other case", edit: func(r *http.Request) { r.RequestURI = strings.Replace(target, "/user/", "/User/", 1) }, err: ErrMismatch},
		{name: "another value", edit: func(r *http.Request) { r.RequestURI = strings.Replace(target, "cursor=0", "cursor=1", 1) }, err: ErrMismatch},
		{name: "values swapped", edit: func(r *http.Request) {
			r.RequestURI = strings.NewReplacer("cursor=0", "cursor=1", "pageSize=1", "pageSize=0").Replace(target)
		}, err: ErrMismatch},
		{name: "a parameter more", edit: func(r *http.Request) { r.RequestURI += "&x=" }, err: ErrMismatch},
		{name: "a parameter twice", edit: func(r *http.Request) { r.RequestURI += "&cursor=0" }, err: ErrMismatch},
		{name: "no query", edit: func(r *http.Request) { r.RequestURI, _, _ = strings.Cut(target, "?") }, err: ErrMismatch},
		{name: "another method", edit: func(r *http.Request) { r.Method = http.MethodPut }, err: ErrMismatch},
		{name: "another host", edit: func(r *http.Request) { r.Host = "other.example.test" }, err: ErrMismatch},
		{name: "forwarded host of a stranger", edit: func(r *http.Request) {
			r.Header.Set("X-Forwarded-Host", r.Host)
			r.Host = "other.example.test"
		}, err: ErrMismatch},
		{name: "another date", edit: func(r *http.Request) { r.Header.Set("X-Date", "20260101T000001Z") }, err: ErrMismatch},
		{name: "another user", edit: func(r *http.Request) { r.Header.Set("X-User-Id", "1505084218764547201") }, err: ErrMismatch},
		{name: "another signature", edit: func(r *http.Request) {
			a := r.Header.Get("Authorization")
			last := "0"
			if strings.HasSuffix(a, "0") {
				last = "1"
			}
			r.Header.Set("Authorization", a[:len(a)-1]+last)
		}, err: ErrMismatch},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			r := signedRequest(t, SchemeApp, base+target)
			if tc.edit != nil {
				tc.edit(r)
			}
			sent := body
			if tc.body != "" {
				sent = tc.body
			}
			if _, err := verify(Policy{}, r, sent, start, secret); !errors.Is(err, tc.err) {
				t.Errorf("got %v, want %v", err, tc.err)
			}
		})
	}
}

func TestRefusedHeaders(t *testing.T) {
	t.Parallel()
	hash := strings.Repeat("0", 64)
	authorization := func(value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set("Authorization", value) }
	}
	replace := func(old, new string) func(*http.Request) {
		return func(r *http.Request) {
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), old, new, 1))
		}
	}
	tooMany := strings.Repeat("x-a;", MaxSignedHeaders)
	for _, tc := range []struct {
		name   string
		scheme Scheme
		edit   func(r *http.Request)
		status int
		says   string
	}{
		{name: "no Authorization", edit: func(r *http.Request) { r.Header.Del("Authorization") }, says: "Authorization is missing"},
		{name: "Authorization twice", edit: func(r *http.Request) { r.Header.Add("Authorization", "x") }, says: "more than once"},
		{name: "Authorization empty", edit: authorization(""), says: "must begin with"},
		{name: "bearer", edit: authorization("Bearer abc"), says: "must begin with"},
		{name: "scheme alone", edit: authorization("HMAC-SHA256"), says: "made of AppId"},
		{name: "scheme in lower case", edit: replace("HMAC", "hmac"), says: "must begin with"},
		{name: "too long", edit: func(r *http.Request) {
			r.Header.Set("Authorization", r.Header.Get("Authorization")+strings.Repeat(" ", MaxAuthorization))
		}, says: "longer than 4096"},
		{name: "AppId missing", edit: replace("AppId=app-1,", ""), says: "AppId is missing"},
		{name: "AppId empty", edit: replace("AppId=app-1", "AppId="), says: "AppId in Authorization must"},
		{name: "AppId with a space", edit: replace("app-1", "app 1"), says: "AppId in Authorization must"},
		{name: "AppId not ASCII", edit: replace("app-1", "äpp"), says: "AppId in Authorization must"},
		{name: "AppId too long", edit: replace("app-1", strings.Repeat("a", MaxAppID+1)), says: "AppId in Authorization must"},
		{name: "AppId twice", edit: replace("AppId=app-1,", "AppId=app-1,AppId=app-1,"), says: "AppId occurs more than once"},
		{name: "Access in the app scheme", edit: replace("AppId", "Access"), says: "made of AppId"},
		{name: "AppId in the SDK scheme", scheme: SchemeSDK, edit: replace("Access", "AppId"), says: "made of Access"},
		{name: "unknown part", edit: replace("AppId", "Foo=1,AppId"), says: "and nothing else"},
		{name: "comma at the end", edit: func(r *http.Request) {
			r.Header.Set("Authorization", r.Header.Get("Authorization")+",")
		}, says: "and nothing else"},
		{name: "SignedHeaders missing", edit: replace("SignedHeaders=host;x-date;x-user-id,", ""), says: "SignedHeaders is missing"},
		{name: "SignedHeaders twice", edit: replace("SignedHeaders=", "SignedHeaders=host,SignedHeaders="), says: "SignedHeaders occurs more than once"},
		{name: "SignedHeaders empty", edit: replace("host;x-date;x-user-id", ""), says: "joined by semicolons"},
		{name: "SignedHeaders with an empty name", edit: replace("host;x-date", "host;;x-date"), says: "joined by semicolons"},
		{name: "SignedHeaders not tokens", edit: replace("host;", "ho st;"), says: "joined by semicolons"},
		{name: "SignedHeaders with a letter that lower-cases to k", edit: replace("host;", "\u212a;"), says: "joined by semicolons"},
		{name: "a name twice, in two cases", edit: replace("host;", "host;HOST;"), says: "a header more than once"},
		{name: "too many names", edit: replace("host;", tooMany), says: "more than 32"},
		{name: "Signature missing", edit: func(r *http.Request) {
			a, _, _ := strings.Cut(r.Header.Get("Authorization"), ",Signature")
			r.Header.Set("Authorization", a)
		}, says: "Signature is missing"},
		{name: "Signature in upper case", edit: authorization("HMAC-SHA256 AppId=a,SignedHeaders=x-date;x-user-id,Signature=" + strings.Repeat("A", 64)), says: "64 lower-case"},
		{name: "Signature of 62 digits", edit: authorization("HMAC-SHA256 AppId=a,SignedHeaders=x-date;x-user-id,Signature=" + hash[2:]), says: "64 lower-case"},

		{name: "signed header missing", edit: replace("host;", "host;x-foo;"), says: "names x-foo, which"},
		{name: "host missing", edit: func(r *http.Request) { r.Host = "" }, says: "names host, which"},
		{name: "signed header twice", edit: func(r *http.Request) { r.Header.Add("X-User-Id", "1505084218764547200") }, says: "x-user-id occurs more than once"},
		{name: "signed header with a line break", edit: func(r *http.Request) { r.Header.Set("X-User-Id", "1\nx-z:2") }, says: "line break"},
		{name: "signed headers too long", edit: func(r *http.Request) {
			r.Header.Set("X-User-Id", strings.Repeat("1", MaxSignedBytes))
		}, says: "longer than 16384"},
		{name: "X-Date missing", edit: func(r *http.Request) {
			r.Header.Del("X-Date")
			replace("x-date;", "")(r)
		}, says: "X-Date is missing"},
		{name: "X-Date not signed", edit: replace("x-date;", ""), says: "SignedHeaders must name X-Date"},
		{name: "X-User-Id missing", edit: func(r *http.Request) {
			r.Header.Del("X-User-Id")
			replace(";x-user-id", "")(r)
		}, says: "X-User-Id is missing"},
		{name: "X-User-Id not signed", edit: replace(";x-user-id", ""), says: "SignedHeaders must name X-User-Id"},
		{name: "X-User-Id empty", edit: func(r *http.Request) { r.Header.Set("X-User-Id", " ") }, says: "X-User-Id is missing"},
		{name: "X-Sdk-Date doesn't serve the app scheme", edit: func(r *http.Request) {
			r.Header.Set("X-Sdk-Date", r.Header.Get("X-Date"))
			r.Header.Del("X-Date")
			replace("x-date;", "x-sdk-date;")(r)
		}, says: "X-Date is missing"},
		{name: "X-Date doesn't serve the SDK scheme", scheme: SchemeSDK, edit: func(r *http.Request) {
			r.Header.Set("X-Date", r.Header.Get("X-Sdk-Date"))
			r.Header.Del("X-Sdk-Date")
			replace("x-sdk-date;", "x-date;")(r)
		}, says: "X-Sdk-Date is missing"},

		{name: "content hash of another body", scheme: SchemeSDK, edit: func(r *http.Request) { r.Header.Set("X-Sdk-Content-Sha256", hash) }, says: "is not the hash of the body"},
		{name: "unsigned payload", scheme: SchemeSDK, edit: func(r *http.Request) { r.Header.Set("X-Sdk-Content-Sha256", "UNSIGNED-PAYLOAD") }, says: "an unsigned body is not accepted"},
		{name: "content hash empty", scheme: SchemeSDK, edit: func(r *http.Request) { r.Header.Set("X-Sdk-Content-Sha256", "") }, says: "must occur once"},
		{name: "content hash twice", scheme: SchemeSDK, edit: func(r *http.Request) {
			r.Header["X-Sdk-Content-Sha256"] = []string{hash, hash}
		}, says: "must occur once"},

		{name: "method not a token", edit: func(r *http.Request) { r.Method = "GET\n" }, status: 400, says: "method"},
		{name: "the target comes first", edit: func(r *http.Request) { r.RequestURI = "//"; r.Header.Del("Authorization") }, status: 400, says: "empty segment"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			r := signedRequest(t, tc.scheme, base+target)
			tc.edit(r)
			_, err := verify(Policy{}, r, body, start, secret)
			status := http.StatusUnauthorized
			if tc.status != 0 {
				status = tc.status
			}
			if !isStatus(err, status) || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("got %v, want status %d and a text with %q", err, status, tc.says)
			}
		})
	}
}

func TestAuthorizationWhiteSpace(t *testing.T) {
	t.Parallel()
	for _, comma := range []string{",", ", ", " ,\t ", ",   "} {
		r := signedRequest(t, SchemeApp, base+target)
		r.Header.Set("Authorization", strings.ReplaceAll(r.Header.Get("Authorization"), ",", comma))
		if _, err := verify(Policy{}, r, body, start, secret); err != nil {
			t.Errorf("%q: %v", comma, err)
		}
	}
}

func TestDate(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		date string
		now  time.Duration // after start
		says string
	}{
		{"20260101T000000Z", 0, ""},
		{"20260101T000000Z", MaxAge, ""},
		{"20260101T000000Z", MaxAge + 1, "more than 15m0s old; the server's clock says 20260101T001500Z"},
		{"20260101T000000Z", -Leeway, ""},
		{"20260101T000000Z", -Leeway - 1, "in the future"},
		{"20270101T000000Z", 0, "in the future"},
		{"99991231T235959Z", 0, "in the future"},
		{"00010101T000000Z", 0, "old"},
		{"20240229T000000Z", 0, "old"},
		{"20250229T000000Z", 0, "yyyyMMdd"},
		{"20260101T240000Z", 0, "yyyyMMdd"},
		{"20260101T000000.5Z", 0, "yyyyMMdd"},
		{"20260101T000000,5Z", 0, "yyyyMMdd"},
		{"20260101T000000z", 0, "yyyyMMdd"},
		{"20260101T000000", 0, "yyyyMMdd"},
		{"20260101T000000+0000", 0, "yyyyMMdd"},
		{"2026-01-01T00:00:00Z", 0, "yyyyMMdd"},
		{"Thu, 01 Jan 2026 00:00:00 GMT", 0, "yyyyMMdd"},
		{"1767225600", 0, "yyyyMMdd"},
		{"", 0, "missing"},
	} {
		for _, scheme := range []Scheme{SchemeApp, SchemeSDK} {
			r := signedRequest(t, scheme, base+target)
			r.Header.Set(scheme.dateHeader(), tc.date)
			s, err := Policy{}.Parse(r)
			if err == nil {
				err = s.CheckDate(start.Add(tc.now), MaxAge, Leeway)
			}
			switch {
			case tc.says == "" && err != nil:
				t.Errorf("%s %q at %v: %v", scheme, tc.date, tc.now, err)
			case tc.says != "" && (!isStatus(err, 401) || !strings.Contains(err.Error(), tc.says) || !strings.HasPrefix(err.Error(), scheme.dateHeader())):
				t.Errorf("%s %q at %v: got %v, want 401 with %q", scheme, tc.date, tc.now, err, tc.says)
			}
		}
	}
}

func TestSecrets(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name    string
		secrets []string
		err     error
	}{
		{"unknown", nil, ErrMismatch},
		{"the one", []string{secret}, nil},
		{"another", []string{"other"}, ErrMismatch},
		{"old of two", []string{"new", secret}, nil},
		{"new of two", []string{secret, "old"}, nil},
		{"neither of two", []string{"new", "old"}, ErrMismatch},
		{"more than are ever live", []string{"a", "b", secret}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			first, err := verify(Policy{}, signedRequest(t, SchemeApp, base+target), body, start, tc.secrets...)
			if err != tc.err {
				t.Fatalf("got %v, want %v", err, tc.err)
			}
			if again, _ := verify(Policy{}, signedRequest(t, SchemeApp, base+target), body, start, tc.secrets...); again != first {
				t.Errorf("fingerprints of one request: %q and %q", first, again)
			}
		})
	}
}

func TestUserOptional(t *testing.T) {
	t.Parallel()
	req := httptest.NewRequest(http.MethodPost, base+target, nil)
	req.Header.Set("X-User-Id", "1505084218764547200")
	if err := (Signer{AppID: "app-1", Secret: []byte(secret)}).Sign(req, []byte(body), start); err != nil {
		t.Fatal(err)
	}
	s, err := Policy{UserOptional: true}.Parse(received(req))
	if err != nil {
		t.Fatal(err)
	}
	if s.UserID != "" {
		t.Errorf("an unsigned X-User-Id was taken: %q", s.UserID)
	}
}

// A signature made with a key that stands in for an absent secret must not verify.
func TestStandInSecretsNeverMatch(t *testing.T) {
	t.Parallel()
	for _, key := range [][]byte{make([]byte, 32), make([]byte, 64), {0}} {
		req := httptest.NewRequest(http.MethodPost, base+target, nil)
		if err := (Signer{AppID: "nobody", Secret: key, UserID: "1"}).Sign(req, []byte(body), start); err != nil {
			t.Fatal(err)
		}
		s, err := Policy{}.Parse(received(req))
		if err != nil {
			t.Fatal(err)
		}
		for _, secrets := range [][][]byte{nil, {nil}, {{}}, {nil, {}}, {[]byte(secret)}} {
			if _, err := s.Verify(sha256.Sum256([]byte(body)), secrets...); err != ErrMismatch {
				t.Errorf("key of %d zeros, %d secrets: got %v, want ErrMismatch", len(key), len(secrets), err)
			}
		}
	}
}

// Allocations stand for work: they are counted exactly, where time is not.
func TestUnknownCostsTheSame(t *testing.T) {
	s, err := Policy{}.Parse(signedRequest(t, SchemeApp, base+target))
	if err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256([]byte(body))
	cost := func(secrets ...[]byte) float64 {
		return testing.AllocsPerRun(100, func() { _, _ = s.Verify(digest, secrets...) })
	}
	unknown := cost()
	if one, two := cost([]byte("wrong")), cost([]byte("wrong"), []byte("too")); one != unknown || two != unknown {
		t.Errorf("allocations: unknown %v, one secret %v, two %v, want the same", unknown, one, two)
	}
}
