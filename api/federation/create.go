package federation

import (
	"context"
	"net/http"
	"strings"

	"muster"
	"muster/access"
	"muster/provision"
)

// created is createTask's answer, in the order of the document's example.
type created struct {
	ResultCode    string    `json:"resultCode"`
	ResultMessage string    `json:"resultMessage"`
	TaskID        muster.ID `json:"taskId"`
}

// create is createTask (federation contract, section 2).
func (h *Handler) create(w http.ResponseWriter, r *http.Request) (any, error) {
	caller, err := h.authenticate(r)
	if err != nil {
		return nil, err
	}
	key, err := idempotencyKey(r.Header)
	if err != nil {
		return nil, err
	}
	body, err := h.readBody(w, r)
	if err != nil {
		return nil, err
	}
	users, listed, err := decodeUsers(body)
	if err != nil {
		return nil, err
	}
	profile, err := h.Profiles.FederationProfile(r.Context(), caller.Tenant)
	if err != nil {
		return nil, err
	}
	limits := limitsOf(profile)
	rows, err := checkUsers(users, listed, &limits)
	if err != nil {
		return nil, err
	}
	submission := provision.Submission{
		Tenant: caller.Tenant, AppID: caller.AppID, ActorLevel: caller.Level, Contract: muster.ContractFederation,
		TraceID: w.Header().Get(traceHeader), Rows: rows,
	}
	if key != "" {
		scoped := caller.AppID + "\n" + createPath + "\n" + key
		end, err := h.accepting.begin(scopedKey{caller.Tenant, scoped})
		if err != nil {
			return nil, err
		}
		defer end()
		submission.Idempotency = &provision.Idempotency{Key: []byte(scoped), Body: body}
	}
	ctx, err := h.recording(r, caller)
	if err != nil {
		return nil, err
	}
	receipt, err := h.Engine.Submit(ctx, submission)
	if err != nil {
		return nil, err
	}
	return created{"0", "batch task created successfully.", receipt.Batch}, nil
}

// recording gives the context of a task, which is recorded when it is accepted.
func (h *Handler) recording(r *http.Request, caller *access.Application) (context.Context, error) {
	record := muster.AuditRecord{Tenant: caller.Tenant, AppID: caller.AppID, Action: "create-batch"}
	if from := access.ClientAddress(r, h.TrustedProxies); from.IsValid() {
		record.From = from.String()
	}
	a, err := muster.NewAudit(h.IDs, record)
	if err != nil {
		return nil, err
	}
	return muster.WithAudit(r.Context(), a), nil
}

const (
	idempotencyHeader = "Idempotency-Key"
	maxIdempotencyKey = 255 // characters
)

// idempotencyKey is the caller's key for the request, "" if he has none. The draft has it as a string of structured fields
// (RFC 9651, section 3.3.3), in quotes; most clients leave the quotes out. Both are the same key.
func idempotencyKey(header http.Header) (string, error) {
	values := header.Values(idempotencyHeader)
	if len(values) == 0 {
		return "", nil
	}
	key := values[0]
	if inner, quoted := strings.CutPrefix(key, `"`); quoted {
		key = unquote(inner)
	}
	invisible := func(r rune) bool { return r <= ' ' || r > '~' }
	if len(values) > 1 || key == "" || len(key) > maxIdempotencyKey || strings.ContainsFunc(key, invisible) {
		return "", badRequest("%s must be sent once, and be 1 to %d visible ASCII characters.", idempotencyHeader, maxIdempotencyKey)
	}
	return key, nil
}

// unquote reads what follows the opening quote of a string, "" if it is not the rest of one.
func unquote(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"' && i == len(s)-1:
			return b.String()
		case c == '"':
			return ""
		case c == '\\':
			if i++; i == len(s) || s[i] != '"' && s[i] != '\\' {
				return ""
			}
			b.WriteByte(s[i])
		default:
			b.WriteByte(c)
		}
	}
	return ""
}
