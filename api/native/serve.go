package native

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
)

// New makes the handler for the operator of the installation: whoever reaches it is him. It serves paths below Prefix alone.
func New(c Config) http.Handler {
	a := &api{c}
	s := &side{api: a, mux: http.NewServeMux()}
	a.register(s, private)
	return byOperator(s)
}

// public is the API for everybody who says who he is.
type public struct {
	*api
	Authentication
}

// NewPublic makes the handler for callers from elsewhere: it serves what belongs to a caller's own tenant, without /tenants and
// its id in the path, and nothing that is for the operator alone. The description of it, and the page made of that, are for
// everybody.
func NewPublic(c Config, who Authentication) http.Handler {
	a := &api{c}
	p := &public{a, who}
	s := &side{api: a, mux: http.NewServeMux(), admit: p.admit}
	a.register(s, publish)
	return s
}

// side is one of the two sides that the API is served on; it is where huma registers operations.
type side struct {
	*api
	mux   *http.ServeMux
	admit func(op *huma.Operation, w http.ResponseWriter, r *http.Request) (*http.Request, error) // nil on the operator's
}

// register adds all operations, and the description, of which change makes what the side's callers see.
func (a *api) register(s *side, change func(*huma.OpenAPI)) {
	h := huma.NewAPI(description(a.Version), s)
	a.addTenants(h)
	a.addAdministrators(h)
	a.addCredentials(h)
	a.addDepartments(h)
	a.addUsers(h)
	a.addBatches(h)
	a.addLinks(h)
	a.addRoles(h)
	a.addFederation(h)
	a.addWebhooks(h)
	a.addAudit(h)
	a.addOperators(h)
	a.addKeys(h)
	s.describe(h.OpenAPI(), change)
}

// Handle is [huma.Adapter.Handle].
func (s *side) Handle(op *huma.Operation, serve func(huma.Context)) {
	path := op.Path
	if s.admit != nil {
		if _, isPublic := scopeOf(op); !isPublic {
			return
		}
		path = shortPath(op)
	}
	s.mux.HandleFunc(op.Method+" "+Prefix+path, func(w http.ResponseWriter, r *http.Request) {
		if s.admit != nil {
			admitted, err := s.admit(op, w, r)
			if err != nil {
				s.refuse(w, r, err)
				return
			}
			r = admitted
		}
		audited, err := s.audited(op, w, r)
		if err != nil {
			s.refuse(w, r, err)
			return
		}
		serve(humago.NewContext(op, audited, w))
	})
}

// ServeHTTP is [huma.Adapter.ServeHTTP].
func (s *side) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	serve, pattern := s.mux.Handler(r)
	if pattern != "" {
		s.mux.ServeHTTP(w, r)
		return
	}
	// The mux knows which methods there are, but would say so in words of its own.
	unknown := &unwritten{header: http.Header{}}
	serve.ServeHTTP(unknown, r)
	if allow := unknown.header.Values("Allow"); len(allow) > 0 {
		w.Header()["Allow"] = allow
	}
	if unknown.status == http.StatusMethodNotAllowed {
		s.refuse(w, r, huma.Error405MethodNotAllowed("Accepted here: "+strings.Join(unknown.header.Values("Allow"), ", ")+"."))
		return
	}
	s.refuse(w, r, huma.Error404NotFound("There is nothing at this path: "+Prefix+"/docs says what there is."))
}

// unwritten is an answer that nobody gets.
type unwritten struct {
	header http.Header
	status int
}

func (u *unwritten) Header() http.Header         { return u.header }
func (u *unwritten) Write(p []byte) (int, error) { return len(p), nil }
func (u *unwritten) WriteHeader(status int)      { u.status = status }

// refuse answers with a problem before huma does.
func (s *side) refuse(w http.ResponseWriter, r *http.Request, err error) {
	var problem huma.StatusError
	if !errors.As(err, &problem) {
		errors.As(s.problem(r.Context(), err), &problem)
	}
	var headed huma.HeadersError
	if errors.As(problem, &headed) {
		maps.Copy(w.Header(), headed.GetHeaders())
	}
	var model *huma.ErrorModel
	errors.As(problem, &model)
	text, _ := json.Marshal(model) // of texts and numbers
	w.Header().Set("Content-Type", "application/problem+json")
	if problem.GetStatus() == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", challenge)
	}
	w.WriteHeader(problem.GetStatus())
	_, _ = w.Write(text) // who does not get the answer asks again
}
