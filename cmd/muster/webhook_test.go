package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"
)

// scriptReceiver is a server of somebody who is told what happens. It answers 410 at /gone.
type scriptReceiver struct {
	mu       sync.Mutex
	messages []scriptMessage
}

type scriptMessage struct{ id, at, signature, body string }

type receiverKey struct{}

func (s *scriptReceiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil || r.URL.Path == "/gone" {
		w.WriteHeader(http.StatusGone)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.messages = append(s.messages, scriptMessage{
		id: r.Header.Get("webhook-id"), at: r.Header.Get("webhook-timestamp"), signature: r.Header.Get("webhook-signature"), body: string(body),
	})
}

// receiver starts one: $RECEIVER is where.
func receiver(ts *testscript.TestScript, _ bool, _ []string) {
	s := &scriptReceiver{}
	server := httptest.NewServer(s)
	ts.Defer(server.Close)
	ts.Setenv("RECEIVER", server.URL)
	ts.Value(serversKey{}).(*scriptServers).env.Values[receiverKey{}] = s
}

// received wants that the last message of a type that came is signed with a secret: received $SECRET users.changed.
func received(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: received SECRET TYPE")
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(args[0], "whsec_"))
	ts.Check(err)
	s := ts.Value(receiverKey{}).(*scriptReceiver)
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := len(s.messages) - 1; i >= 0; i-- {
		m := &s.messages[i]
		if !strings.Contains(m.body, `"type":"`+args[1]+`"`) {
			continue
		}
		mac := hmac.New(sha256.New, key)
		_, _ = io.WriteString(mac, m.id+"."+m.at+"."+m.body)
		if want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)); !strings.Contains(m.signature, want) {
			ts.Fatalf("the message is signed %s, want %s", m.signature, want)
		}
		return
	}
	ts.Fatalf("no message of the type %s came", args[1])
}
