package federation

import (
	"net/http"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"muster/access"
	"muster/api/strictjson"
)

// issued is tokenByAkSk's answer. Every value is a string.
type issued struct {
	AccessToken string `json:"AccessToken"`
	ApplyType   string `json:"ApplyType"`
	CreateTime  string `json:"CreateTime"` // Unix seconds
	Expires     string `json:"Expires"`    // seconds from CreateTime
	Scope       string `json:"Scope"`
	AppKey      string `json:"AppKey"`
	UserID      string `json:"UserID"`
}

// token is tokenByAkSk (federation contract, section 1).
func (h *Handler) token(w http.ResponseWriter, r *http.Request) (any, error) {
	life, err := tokenLife(r.Header)
	if err != nil {
		return nil, err
	}
	body, err := h.readBody(w, r)
	if err != nil {
		return nil, err
	}
	key, secret, err := decodePair(body)
	if err != nil {
		return nil, err
	}
	t, err := h.Tokens.Issue(r.Context(), access.TokenRequest{
		AppID: key, Secret: secret, Life: life, Address: access.ClientAddress(r, h.TrustedProxies),
	})
	if err != nil {
		return nil, err
	}
	return issued{
		AccessToken: t.Token,
		ApplyType:   "Bearer",
		CreateTime:  strconv.FormatInt(t.IssuedAt.Unix(), 10),
		Expires:     strconv.FormatInt(int64(t.ExpiresAt.Sub(t.IssuedAt)/time.Second), 10),
		AppKey:      key,
		UserID:      "Anonymous",
	}, nil
}

const lifeHeader = "X-Token-Expire"

// tokenLife is what the caller asks for, zero if he does not say.
func tokenLife(header http.Header) (time.Duration, error) {
	const most = int(access.MaxTokenLife / time.Second)
	values := header.Values(lifeHeader)
	if len(values) == 0 {
		return 0, nil
	}
	seconds, err := strconv.ParseUint(values[0], 10, 16)
	if err != nil || len(values) > 1 || seconds < 1 || int(seconds) > most {
		return 0, badRequest("%s must be sent once, and be a number of seconds from 1 to %d.", lifeHeader, most)
	}
	return time.Duration(seconds) * time.Second, nil
}

func decodePair(body []byte) (key, secret string, err error) {
	const accepted = "a JSON object in UTF-8 that has app_key and app_secret, two strings"
	d := strictjson.New(body, accepted)
	err = d.Document(func(name string) (err error) {
		to := &key
		switch name {
		case "app_key":
		case "app_secret":
			to = &secret
		default:
			return d.Skip()
		}
		switch d.Kind() {
		case jsontext.KindNull, jsontext.KindInvalid:
			return d.Skip()
		case jsontext.KindString:
			*to, err = d.String()
			return err
		default:
			return strictjson.Errorf("%s must be a string.", name)
		}
	})
	switch {
	case err != nil:
		return "", "", err
	case key == "":
		return "", "", strictjson.Errorf("app_key is missing; the body must be %s.", accepted)
	case secret == "":
		return "", "", strictjson.Errorf("app_secret is missing; the body must be %s.", accepted)
	default:
		return key, secret, nil
	}
}
