package koodrive

import (
	"context"
	"errors"
	"strconv"
	"time"

	"muster"
	"muster/access"
	"muster/api/strictjson"
)

const (
	// accessMark stands before an access token in the answer of a sign-in.
	accessMark = "AT"

	acceptedLogin   = "a JSON object in UTF-8 that has account and password, two strings, and authType, which is \"1\""
	acceptedRefresh = "a JSON object in UTF-8 that has refreshToken, a string"
)

// login is POST /auth/login (KooDrive contract, section 5). Its data is the session and, by the vendor's page, the user.
func (h *Handler) login(ctx context.Context, r *request) ([]byte, error) {
	account, password, err := decodeLogin(r.body)
	if err != nil {
		return nil, err
	}
	tenant, err := h.Sessions.TenantOf(ctx, r.called.hint)
	if err != nil {
		return nil, err
	}
	session, err := h.Sessions.SignIn(ctx, access.SignInRequest{
		Tenant: tenant, Account: account, Password: password, Address: r.called.address, Began: r.called.began,
	})
	if err != nil {
		return nil, h.refusedLogin(tenant, err)
	}
	var o object
	o.raw("userInfo", appendUserInfo(session.User))
	o.raw("sessionInfo", appendSession(session))
	return o.end(), nil
}

// refresh is POST /auth/refreshToken (KooDrive contract, section 5).
func (h *Handler) refresh(ctx context.Context, r *request) ([]byte, error) {
	token := ""
	err := decodeObject(r.body, acceptedRefresh, func(d objectDecoder, name string) error {
		if name != "refreshToken" {
			return d.Skip()
		}
		return d.text(name, &token)
	})
	switch {
	case err != nil:
		return nil, err
	case token == "":
		return nil, missing("refreshToken", acceptedRefresh)
	}
	session, err := h.Sessions.Refresh(ctx, r.called.hint, token)
	if err != nil {
		return nil, tooMany(err)
	}
	var o object
	o.raw("sessionInfo", appendSession(session))
	return o.end(), nil
}

// decodeLogin reads the body of a sign-in.
func decodeLogin(body []byte) (account, password string, err error) {
	authType := ""
	err = decodeObject(body, acceptedLogin, func(d objectDecoder, name string) (err error) {
		switch name {
		case "account":
			return d.text(name, &account)
		case "password":
			return d.text(name, &password)
		case "authType":
			authType, err = d.digits(name)
			if err == nil && authType != "1" {
				return strictjson.Errorf("authType must be \"1\", a password: there are no other ways to sign in here.")
			}
			return err
		default:
			return d.Skip()
		}
	})
	switch {
	case err != nil:
		return "", "", err
	case account == "":
		return "", "", missing("account", acceptedLogin)
	case authType == "":
		return "", "", missing("authType", acceptedLogin)
	case password == "":
		return "", "", missing("password", acceptedLogin)
	default:
		return account, password, nil
	}
}

// refusedLogin says why nobody is signed in. Who has to set another password first learns where.
func (h *Handler) refusedLogin(tenant *muster.Tenant, err error) error {
	var change *access.MustChangeError
	if !errors.As(err, &change) {
		return tooMany(err)
	}
	var o object
	o.text("passwordUrl", h.LinkAddress(tenant.ID, change.Link.Secret))
	return &refusal{reply: replyMustChange, detail: "Set another at passwordUrl, which is good once, and sign in with it.", data: o.end()}
}

// tooMany tells limits of attempts from those of what is queued.
func tooMany(err error) error {
	var domain *muster.Error
	if errors.As(err, &domain) && domain.Kind == muster.KindOverloaded {
		return &refusal{reply: replyTooMany, detail: domain.Detail, after: domain.RetryAfter}
	}
	return err
}

// appendSession writes a session with the token as it is to be sent in Authorization, its life in seconds, and the moment of
// its issue in milliseconds since 1970.
func appendSession(s *access.Session) []byte {
	var o object
	o.text("accessToken", accessMark+" "+s.AccessToken)
	o.number("expiresIn", int64(s.ExpiresAt.Sub(s.IssuedAt)/time.Second))
	o.text("issuedAt", strconv.FormatInt(s.IssuedAt.UnixMilli(), 10))
	o.text("refreshToken", s.RefreshToken)
	return o.end()
}
