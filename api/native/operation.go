package native

import (
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"muster"
)

// The security schemes of the description.
const (
	schemeSignature = "signature"
	schemeBearer    = "bearer"
)

// What an operation's metadata say beside its scope, which is in its security requirement.
const (
	metaDepartments = "departments" // also a department administrator may call it: what it does looks at what is his
	metaStreams     = "streams"     // its body is not read before the handler does
)

const (
	// bodyTime is for how long a body may be on its way, unless it streams.
	bodyTime = time.Minute
	// tenantPrefix is where the paths begin of what belongs to a tenant.
	tenantPrefix = "/tenants/{tenant}"
)

// operation describes one that needs the scope read, or if it changes something administer, of a caller who administers the tenant as
// a whole. One whose path does not begin with a tenant is the operator's alone. See provisions, administers, departmental,
// streaming and operators for others.
func operation(id, method, path, summary, tag string, status int) huma.Operation {
	op := huma.Operation{
		OperationID:     id,
		Method:          method,
		Path:            path,
		Summary:         summary,
		Tags:            []string{tag},
		DefaultStatus:   status,
		MaxBodyBytes:    maxBody,
		BodyReadTimeout: bodyTime,
		Metadata:        map[string]any{},
	}
	switch {
	case !strings.HasPrefix(path, tenantPrefix):
	case method == http.MethodGet:
		op.Security = requirement(muster.ScopeRead)
	default:
		op.Security = requirement(muster.ScopeAdminister)
	}
	return op
}

// requirement is what OpenAPI calls so: either scheme will do, and the caller has to have the scope.
func requirement(scope muster.Scopes) []map[string][]string {
	return []map[string][]string{{schemeSignature: scope.Names()}, {schemeBearer: scope.Names()}}
}

// provisions lets the operation need the scope provision.
func provisions(op huma.Operation) huma.Operation {
	op.Security = requirement(muster.ScopeProvision)
	return op
}

// administers lets the operation, which only reads, need the scope administer.
func administers(op huma.Operation) huma.Operation {
	op.Security = requirement(muster.ScopeAdminister)
	return op
}

// departmental lets department administrators call the operation, which does with their actor what [muster.Actor] says.
func departmental(op huma.Operation) huma.Operation {
	op.Metadata[metaDepartments] = true
	return op
}

// streaming leaves the body to the handler, which reads it as it comes, within bounds of its own, and calls [bodyHeld] when it has
// read it, before it makes anything of it.
func streaming(op huma.Operation) huma.Operation {
	op.Metadata[metaStreams] = true
	return op
}

// operators keeps the operation from everybody but the operator of the installation.
func operators(op huma.Operation) huma.Operation {
	op.Security = nil
	return op
}

// scopeOf is the scope that the operation's security requirement names; false for one that is the operator's alone.
func scopeOf(op *huma.Operation) (scope muster.Scopes, public bool) {
	for _, alternative := range op.Security {
		for _, names := range alternative {
			scope, err := muster.ParseScopes(names)
			return scope, err == nil && scope != 0
		}
	}
	return 0, false
}

// mayCall refuses a caller who lacks what the operation needs.
func mayCall(op *huma.Operation, c *Caller) error {
	scope, public := scopeOf(op)
	switch {
	case !public || !c.Scopes.Has(scope):
		return &muster.Error{Kind: muster.KindForbidden, Detail: "This needs the scope " + strings.Join(scope.Names(), " ") + ", which the caller does not have."}
	case c.Actor.Scope() != 0 && op.Metadata[metaDepartments] != true:
		return &muster.Error{Kind: muster.KindForbidden, Detail: "A department administrator may see and change departments and users alone."}
	default:
		return nil
	}
}

// shortPath is the path by which callers of one tenant know the operation: without the tenant, which is theirs.
func shortPath(op *huma.Operation) string {
	short := strings.TrimPrefix(op.Path, tenantPrefix)
	if short == "" {
		return "/tenant"
	}
	return short
}
