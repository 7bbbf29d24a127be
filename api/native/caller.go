package native

import (
	"context"
	"net/http"

	"muster"
)

// Caller is for whom a request is done. The handler that lets a request in says who it is, and everything behind it asks
// [callerOf].
type Caller struct {
	Actor    muster.Actor  // as whom the directory is read and changed; User is 0 where no user is behind the request
	AppID    string        // of the credential that the request was signed or its token issued with; "" if there is none
	Operator bool          // who reaches the installation itself: every tenant is his
	From     string        // the address that the request came from; "" on the machine itself
	Scopes   muster.Scopes // what he may do; an operation says what it needs
}

// callerKey is the context key of a request's caller.
type callerKey struct{}

// withCaller gives a context whose requests are the caller's.
func withCaller(ctx context.Context, c *Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, c)
}

// callerOf is for whom a request is done: never nil, and nobody, who may do nothing, where none was let in.
func callerOf(ctx context.Context) *Caller {
	if c, ok := ctx.Value(callerKey{}).(*Caller); ok {
		return c
	}
	return &Caller{Actor: muster.Actor{Level: muster.LevelCommon}}
}

// actorOf is as whom the caller reads and changes the directory.
func actorOf(ctx context.Context) muster.Actor { return callerOf(ctx).Actor }

// byOperator lets everybody in as the operator of the installation, who administers every tenant as a whole.
func byOperator(next http.Handler) http.Handler {
	operator := &Caller{Actor: muster.Actor{Level: muster.LevelSystemAdmin}, Operator: true, Scopes: muster.AllScopes}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r.WithContext(withCaller(r.Context(), operator)))
	})
}

// locationOf is the address of something of a tenant's, as the caller says it.
func locationOf(ctx context.Context, tenant muster.ID, path string) string {
	if callerOf(ctx).Operator {
		return Prefix + "/tenants/" + tenant.String() + path
	}
	return Prefix + path
}
