package signature

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// vector is an element of testdata/vectors.json, the contract's own vectors and the vendor's published one.
type vector struct {
	Name             string            `json:"name"`
	Scheme           Scheme            `json:"scheme"`
	Method           string            `json:"method"`
	URL              string            `json:"url"`
	Body             string            `json:"body"`
	Secret           string            `json:"secret"`
	Headers          map[string]string `json:"headers"`
	CanonicalRequest string            `json:"canonicalRequest"`
	StringToSign     string            `json:"stringToSign"`
	Signature        string            `json:"signature"`
}

func vectors(t *testing.T) []vector {
	t.Helper()
	data, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var vs []vector
	if err := json.Unmarshal(data, &vs); err != nil {
		t.Fatal(err)
	}
	if len(vs) < 5 {
		t.Fatalf("%d vectors, want at least 5", len(vs))
	}
	return vs
}

func (v vector) date(t *testing.T) time.Time {
	t.Helper()
	date, err := time.Parse(dateLayout, v.Headers[strings.ToLower(v.Scheme.dateHeader())])
	if err != nil {
		t.Fatal(err)
	}
	return date
}

// signer signs the vector's headers that no Signer adds by itself.
func (v vector) signer() Signer {
	s := Signer{Scheme: v.Scheme, AppID: "app-1", Secret: []byte(v.Secret), UserID: v.Headers["x-user-id"]}
	for name := range v.Headers {
		if !slices.Contains([]string{"host", "x-user-id", strings.ToLower(v.Scheme.dateHeader())}, name) {
			s.Headers = append(s.Headers, name)
		}
	}
	return s
}

func (v vector) clientRequest(t *testing.T) *http.Request {
	t.Helper()
	req, err := http.NewRequest(v.Method, v.URL, strings.NewReader(v.Body))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range v.signer().Headers {
		req.Header.Set(name, v.Headers[name])
	}
	return req
}

func TestSignerVectors(t *testing.T) {
	t.Parallel()
	for _, v := range vectors(t) {
		t.Run(v.Name, func(t *testing.T) {
			t.Parallel()
			req, date := v.clientRequest(t), v.date(t)
			auth, canonical, err := v.signer().canonical(req, req.Header.Clone(), sha256.Sum256([]byte(v.Body)), date.Format(dateLayout))
			if err != nil {
				t.Fatal(err)
			}
			if got := string(canonical); got != v.CanonicalRequest {
				t.Errorf("canonical request\n got %q\nwant %q", got, v.CanonicalRequest)
			}
			if got := stringToSign(auth.scheme, date.Format(dateLayout), canonical); got != v.StringToSign {
				t.Errorf("string to sign\n got %q\nwant %q", got, v.StringToSign)
			}
			if err := v.signer().Sign(req, []byte(v.Body), date); err != nil {
				t.Fatal(err)
			}
			names := strings.Split(v.CanonicalRequest, "\n")
			want := "HMAC-SHA256 AppId=app-1,SignedHeaders=" + names[len(names)-2] + ",Signature=" + v.Signature
			if v.Scheme == SchemeSDK {
				want = "SDK-HMAC-SHA256 Access=app-1, SignedHeaders=" + names[len(names)-2] + ", Signature=" + v.Signature
			}
			if got := req.Header.Get("Authorization"); got != want {
				t.Errorf("Authorization\n got %q\nwant %q", got, want)
			}
		})
	}
}

func TestVerifierVectors(t *testing.T) {
	t.Parallel()
	for _, v := range vectors(t) {
		t.Run(v.Name, func(t *testing.T) {
			t.Parallel()
			// Built from the vector's text alone, without the Signer.
			r := httptest.NewRequest(v.Method, v.URL, nil)
			r.RequestURI = strings.TrimPrefix(v.URL, "https://"+v.Headers["host"])
			lines := strings.Split(v.CanonicalRequest, "\n")
			for name, value := range v.Headers {
				if name != "host" {
					r.Header.Set(name, value)
				}
			}
			r.Header.Set("Authorization", string(v.Scheme)+" "+v.Scheme.idPart()+"=app-1, SignedHeaders="+lines[len(lines)-2]+", Signature="+v.Signature)

			policy := Policy{UserOptional: v.Headers["x-user-id"] == ""}
			s, err := policy.Parse(r)
			if err != nil {
				t.Fatal(err)
			}
			body := sha256.Sum256([]byte(v.Body))
			canonical := s.message.canonicalRequest(s.forms[0], hex.EncodeToString(body[:]))
			if string(canonical) != v.CanonicalRequest {
				t.Errorf("canonical request\n got %q\nwant %q", canonical, v.CanonicalRequest)
			}
			if got := stringToSign(s.Scheme, s.date, canonical); got != v.StringToSign {
				t.Errorf("string to sign\n got %q\nwant %q", got, v.StringToSign)
			}
			if err := s.CheckDate(v.date(t), MaxAge, Leeway); err != nil {
				t.Error(err)
			}
			fingerprint, err := s.Verify(body, []byte(v.Secret))
			if err != nil {
				t.Fatal(err)
			}
			if want := "app-1\n" + v.StringToSign; fingerprint != want {
				t.Errorf("fingerprint\n got %q\nwant %q", fingerprint, want)
			}
			if s.UserID != v.Headers["x-user-id"] || s.Scheme != v.Scheme || s.AppID != "app-1" {
				t.Errorf("got user %q, scheme %q, AppId %q", s.UserID, s.Scheme, s.AppID)
			}
			if v.Headers["x-user-id"] == "" {
				if _, err := (Policy{}).Parse(r); !isStatus(err, 401) {
					t.Errorf("without UserOptional: %v, want 401", err)
				}
			}
		})
	}
}
