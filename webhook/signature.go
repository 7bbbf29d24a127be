package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strconv"
	"strings"
	"time"

	"muster"
	"muster/secret"
)

// secretPrefix begins every secret (Standard Webhooks 1.0, "Signature scheme").
const secretPrefix = "whsec_"

// The sizes of a secret that is brought along, in bytes (Standard Webhooks 1.0, "Signature scheme").
const (
	MinSecret = 24
	MaxSecret = 64
)

// parseSecret reads the key that a secret stands for.
func parseSecret(text string) ([]byte, error) {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(text, secretPrefix))
	if err != nil || formatSecret(key) != text || len(key) < MinSecret || len(key) > MaxSecret {
		return nil, invalid("secret", "secret must be %s and %d to %d bytes in base64.", secretPrefix, MinSecret, MaxSecret)
	}
	return key, nil
}

func formatSecret(key []byte) string { return secretPrefix + base64.StdEncoding.EncodeToString(key) }

// sign gives the signatures of a message, one for each key, with spaces between.
func sign(id string, at time.Time, body []byte, keys ...[]byte) string {
	signatures := make([]string, len(keys))
	for i, key := range keys {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(id + "." + strconv.FormatInt(at.Unix(), 10) + "."))
		mac.Write(body)
		signatures[i] = "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	}
	return strings.Join(signatures, " ")
}

// SecretBinding is the additional data under which a webhook's secrets are sealed: moved to another tenant or webhook,
// they do not open. Who re-wraps secrets for a key rotation needs it.
func SecretBinding(tenant, hook muster.ID) []byte {
	return secret.Binding("webhook", int64(tenant), int64(hook))
}
