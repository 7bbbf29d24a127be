package signature_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"muster/access/signature"
)

// A server checks all that it can before it reads the body; a client signs what it is about to send.
func Example() {
	clock := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	secrets := map[string][][]byte{"app-1": {[]byte("test-secret")}}

	check := func(r *http.Request) (*signature.Signed, error) {
		signed, err := signature.Policy{}.Parse(r)
		if err != nil {
			return nil, err
		}
		if err := signed.CheckDate(clock, signature.MaxAge, signature.Leeway); err != nil {
			return nil, err
		}
		body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, 4<<20))
		if err != nil {
			return nil, err
		}
		_, err = signed.Verify(sha256.Sum256(body), secrets[signed.AppID]...)
		return signed, err
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		signed, err := check(r)
		if refusal := (*signature.Error)(nil); errors.As(err, &refusal) {
			http.Error(w, refusal.Reason, refusal.Status)
			return
		}
		fmt.Fprintf(w, "Welcome, %s.\n", signed.UserID)
	}))
	defer server.Close()

	send := func(secret string) {
		const body = `{"userList":[]}`
		req, err := http.NewRequest(http.MethodPost, server.URL+"/koodrive/ose/v1/user/batchRegister/create", strings.NewReader(body))
		if err != nil {
			fmt.Println(err)
			return
		}
		signer := signature.Signer{AppID: "app-1", Secret: []byte(secret), UserID: "1505084218764547200"}
		if err := signer.Sign(req, []byte(body), clock); err != nil {
			fmt.Println(err)
			return
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			fmt.Println(err)
			return
		}
		defer resp.Body.Close()
		text, _ := io.ReadAll(resp.Body)
		fmt.Print(resp.StatusCode, " ", string(text))
	}
	send("test-secret")
	send("guess")
	// Output:
	// 200 Welcome, 1505084218764547200.
	// 401 The AppId or the signature is wrong.
}
