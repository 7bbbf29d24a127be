package signature

import (
	"crypto/sha256"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// FuzzAuthorization: any header is read or refused with 401, and what is read means the same when written back.
func FuzzAuthorization(f *testing.F) {
	hash := strings.Repeat("0a", 32)
	for _, seed := range []string{
		"HMAC-SHA256 AppId=app-1,SignedHeaders=host;x-date;x-user-id,Signature=" + hash,
		"SDK-HMAC-SHA256 Access=app-1, SignedHeaders=X-Date;host, Signature=" + hash,
		"HMAC-SHA256 Signature=" + hash + " ,\tSignedHeaders=a,AppId===",
		"HMAC-SHA256 AppId=a,AppId=a,SignedHeaders=a,Signature=" + hash,
		"HMAC-SHA256 AppId=,SignedHeaders=;,Signature=",
		"HMAC-SHA256 ,,,", "HMAC-SHA256", "Bearer abc", "",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		a, err := parseAuthorization(value)
		if err != nil {
			if !isStatus(err, http.StatusUnauthorized) {
				t.Fatalf("%q: %v is not a refusal with 401", value, err)
			}
			return
		}
		again, err := parseAuthorization(a.render())
		if err != nil || again.render() != a.render() {
			t.Fatalf("%q: read as %q, and that as %q, %v", value, a.render(), again.render(), err)
		}
	})
}

// FuzzCanonicalRequest: any target is read or refused with 400; its canonical form is a fixed point; and a request
// with it that can be signed verifies, and doesn't with another body.
func FuzzCanonicalRequest(f *testing.F) {
	f.Add("GET", target, "drive.example.test", "application/json", "", false)
	f.Add("POST", "/a%2f../b?x=%20&x=+&=1", "a.test:443", " x\ty ", body, true)
	f.Add("PUT", "/%E5%BC%A0/~/?&", "[2001:db8::1]", "", "\x00", true)
	f.Add("DELETE", "/..%5c/%00?%", "", "\r\n", "x", false)
	f.Fuzz(func(t *testing.T, method, raw, host, contentType, body string, sdk bool) {
		parsed, err := ParseTarget(raw)
		if err != nil {
			if !isStatus(err, http.StatusBadRequest) {
				t.Fatalf("%q: %v is not a refusal with 400", raw, err)
			}
			return
		}
		canonical := parsed.Path + "?" + parsed.Query.encode()
		if again, err := ParseTarget(canonical); len(canonical) <= MaxTarget && (err != nil || again.Path+"?"+again.Query.encode() != canonical) {
			t.Fatalf("%q: canonical form %q became %+v, %v", raw, canonical, again, err)
		}
		u, err := url.ParseRequestURI(raw)
		if err != nil {
			return // no client could send it by net/http
		}
		signer := Signer{AppID: "app-1", Secret: []byte(secret), UserID: "1", Headers: []string{"content-type"}}
		if sdk {
			signer.Scheme = SchemeSDK
		}
		req := &http.Request{Method: method, URL: u, Host: host, Header: http.Header{"Content-Type": {contentType}}}
		if err := signer.Sign(req, []byte(body), start); err != nil {
			return
		}
		r := &http.Request{Method: req.Method, RequestURI: raw, Host: host, Header: req.Header}
		if method == "" {
			r.Method = http.MethodGet
		}
		s, err := Policy{}.Parse(r)
		if err != nil {
			t.Fatalf("%s %q on %q was signed, then refused: %v", method, raw, host, err)
		}
		if _, err := s.Verify(sha256.Sum256([]byte(body)), []byte(secret)); err != nil {
			t.Fatalf("%s %q on %q was signed, then refused: %v", method, raw, host, err)
		}
		if _, err := s.Verify(sha256.Sum256([]byte(body+"x")), []byte(secret)); err != ErrMismatch {
			t.Fatalf("%q with another body: %v", raw, err)
		}
	})
}
