package native

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"slices"
	"sync"

	"github.com/danielgtaylor/huma/v2"

	"muster/access/signature"
)

// private makes of the description what the operator sees, who has to prove nothing.
func private(doc *huma.OpenAPI) {
	for _, item := range doc.Paths {
		for _, op := range operationsOf(item) {
			described := *op
			described.Security = nil
			setOperation(item, &described)
		}
	}
}

// publish makes of the description what callers see whose tenant is known: paths without it, and nothing that is the operator's.
func publish(doc *huma.OpenAPI) {
	paths := make(map[string]*huma.PathItem, len(doc.Paths))
	for _, item := range doc.Paths {
		for _, op := range operationsOf(item) {
			if _, isPublic := scopeOf(op); !isPublic {
				continue
			}
			described := *op
			described.Path = shortPath(op)
			described.Parameters = slices.DeleteFunc(slices.Clone(op.Parameters), func(p *huma.Param) bool { return p.In == "path" && p.Name == "tenant" })
			if paths[described.Path] == nil {
				paths[described.Path] = &huma.PathItem{}
			}
			setOperation(paths[described.Path], &described)
		}
	}
	doc.Paths = paths
	doc.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		schemeSignature: {
			Type: "apiKey", In: "header", Name: "Authorization",
			Description: "A signature by " + string(signature.SchemeApp) + " or " + string(signature.SchemeSDK) +
				", made with an AppId and its secret. X-User-Id, if it is sent, has to be signed: the request is then done on behalf of that user.",
		},
		schemeBearer: {
			Type: "http", Scheme: "bearer",
			Description: "An access token: an application's, which POST /oauth2/token gives for AppId and secret (grant_type=client_credentials), or that of a user who signed in.",
		},
	}
}

// operationsOf are a path's operations, in the order in which they are read.
func operationsOf(item *huma.PathItem) []*huma.Operation {
	return slices.DeleteFunc([]*huma.Operation{item.Get, item.Post, item.Put, item.Patch, item.Delete},
		func(op *huma.Operation) bool { return op == nil })
}

func setOperation(item *huma.PathItem, op *huma.Operation) {
	switch op.Method {
	case http.MethodGet:
		item.Get = op
	case http.MethodPost:
		item.Post = op
	case http.MethodPut:
		item.Put = op
	case http.MethodPatch:
		item.Patch = op
	case http.MethodDelete:
		item.Delete = op
	}
}

// describe serves the description that change makes of what huma knows, and the page made of it.
func (s *side) describe(doc *huma.OpenAPI, change func(*huma.OpenAPI)) {
	changed := sync.OnceValue(func() *huma.OpenAPI {
		change(doc)
		return doc
	})
	s.fixed("/openapi.json", "application/openapi+json", "default-src 'none'", func() []byte {
		text, err := json.Marshal(changed())
		if err != nil {
			panic("the API cannot be described: " + err.Error()) // the same for every request: of the code, not of data
		}
		return text
	})
	s.fixed("/docs", "text/html; charset=utf-8", docsPolicy(), func() []byte { return docsPage(changed(), s.admit != nil) })
}

// fixed serves what is the same for everybody until the program changes. It is made when it is first asked for: commands that work
// by themselves make a handler for one call.
func (s *side) fixed(path, contentType, policy string, do func() []byte) {
	made := sync.OnceValue(do)
	s.mux.HandleFunc("GET "+Prefix+path, func(w http.ResponseWriter, r *http.Request) {
		text := made()
		sum := sha256.Sum256(text)
		tag := `"` + hex.EncodeToString(sum[:8]) + `"`
		h := w.Header()
		h.Set("Content-Type", contentType)
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("ETag", tag)
		if r.Header.Get("If-None-Match") == tag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		_, _ = w.Write(text) // who does not get it asks again
	})
}
