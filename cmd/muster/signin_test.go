package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
)

// lockedBuffer is written by a server and read by a test.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// call sends a request to the server, and gives status and body.
func (s *server) call(t *testing.T, method, target, authorization, contentType, body string) (status int, answer string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.url()+target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", authorization)
	r.Header.Set("Content-Type", contentType)
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

// TestTheLogHoldsNoSecret: neither passwords, key pairs and tokens, nor who was asked for, whatever the level.
func TestTheLogHoldsNoSecret(t *testing.T) {
	t.Parallel()
	log := &lockedBuffer{}
	s := startedServer(t, func(o *serverOptions) {
		o.logger = slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		o.prefixes = []string{"/muster"}
	})
	const form, prefix = "application/x-www-form-urlencoded", "/koodrive/ose/v1"
	pair := url.Values{"grant_type": {"client_credentials"}, "client_id": {s.first.AppID}, "client_secret": {s.first.AppSecret}}.Encode()
	var token string
	for _, path := range []string{"/oauth2/token", "/muster/oauth2/token", prefix + "/oauth2/token", "/muster" + prefix + "/oauth2/token"} {
		status, body := s.call(t, http.MethodPost, path, "", form, pair)
		var granted struct {
			AccessToken string `json:"access_token"`
		}
		if err := json.Unmarshal([]byte(body), &granted); err != nil || status != http.StatusOK || granted.AccessToken == "" {
			t.Fatalf("%s: %d %s", path, status, body)
		}
		token = granted.AccessToken
	}
	root := s.first.RootDepartmentID
	for _, tc := range []struct {
		method, target, authorization, body string
		want                                int
	}{
		{"POST", prefix + "/users/batchimport/preverify", "Bearer+" + token, fmt.Sprintf(`{"curDeptId":%d,"users":[{"personalCapacity":0,"isAllocateCapacity":false}]}`, root), 200},
		{"GET", prefix + "/departments/" + root.String(), "Bearer " + token, "", 200},
		{"GET", prefix + "/userList?keyWord=jane.doe", "Bearer " + token, "", 200},
		{"GET", prefix + "/user/info?phone=27100000001", "Bearer " + token, "", 400},
		{"GET", prefix + "/user/info?phone=27100000001", "AT 0e0e72d3c7e9e4444df6bc3fb111eaee18eb7b2393a939cb", "", 401},
		{"POST", prefix + "/auth/login", "", `{"account":"jane.doe","authType":"1","password":"correct-Horse7"}`, 401},
		{"POST", prefix + "/auth/refreshToken", "", `{"refreshToken":"0e0e72d3c7e9e4444df6bc3fb111eaee18eb7b2393a939cb"}`, 401},
		{"POST", "/oauth2/token?client_secret=" + url.QueryEscape(s.first.AppSecret), "", "", 400},
	} {
		if status, body := s.call(t, tc.method, tc.target, tc.authorization, "application/json", tc.body); status != tc.want {
			t.Errorf("%s %s: %d %s", tc.method, tc.target, status, body)
		}
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	text := log.String()
	for _, secret := range []string{s.first.AppSecret, s.first.AppID, token, "0e0e72d3", "correct-Horse7", "jane.doe", "27100000001", root.String(), "127.0.0.1\"", "?"} {
		if strings.Contains(text, secret) {
			t.Errorf("the log has %q: %s", secret, text)
		}
	}
	for _, route := range []string{"POST /oauth2/token", "POST " + prefix + "/auth/login", "GET " + prefix + "/departments/{id}"} {
		if !strings.Contains(text, `"route":"`+route+`"`) {
			t.Errorf("the log does not have %s", route)
		}
	}
}
