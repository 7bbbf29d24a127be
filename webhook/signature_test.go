package webhook_test

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"muster/webhook"
)

// TestThePublishedVector is the example of the Standard Webhooks libraries.
func TestThePublishedVector(t *testing.T) {
	t.Parallel()
	key, err := webhook.ParseSecret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	must(t, err)
	at := time.Unix(1614265330, 0)
	got := webhook.Sign("msg_p5jXN8AQM9LWM0D4loKWxJek", at, []byte(`{"test": 2432232314}`), key)
	if want := "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="; got != want {
		t.Errorf("the signature is %s, want %s", got, want)
	}
	if two := webhook.Sign("msg_p5jXN8AQM9LWM0D4loKWxJek", at, []byte(`{"test": 2432232314}`), key, []byte("another")); !strings.HasPrefix(two, got+" v1,") {
		t.Errorf("the signatures of two keys are %s", two)
	}
}

func TestSecrets(t *testing.T) {
	t.Parallel()
	encoded := func(n int) string { return "whsec_" + base64.StdEncoding.EncodeToString(make([]byte, n)) }
	for text, want := range map[string]int{
		encoded(24): 24, encoded(64): 64, encoded(23): 0, encoded(65): 0, "": 0, "whsec_": 0, strings.TrimPrefix(encoded(32), "whsec_"): 0,
		"WHSEC_" + strings.TrimPrefix(encoded(32), "whsec_"): 0, encoded(32) + "\n": 0, strings.TrimRight(encoded(32), "="): 0, "whsec_" + strings.Repeat("-", 44): 0,
	} {
		if key, err := webhook.ParseSecret(text); len(key) != want || (err == nil) != (want > 0) {
			t.Errorf("%q is a key of %d bytes, %v, want %d", text, len(key), err, want)
		}
	}
}
