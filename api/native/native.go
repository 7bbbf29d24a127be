// Package native is Muster's own HTTP API under /api/v1: tenants, their departments, users, batches of users, credentials, roles and
// federation profiles, webhooks, the trail of what was done, and the keys of the installation.
// Refusals are problem details (RFC 9457), and the OpenAPI 3.1 description is generated from the code and served at
// /api/v1/openapi.json.
//
// It has two sides, of one set of operations. Whoever reaches the operator's is the operator of the installation: it is served
// where the file system says who that is, on the Unix socket in the data folder and within a local command, and its paths
// name the tenant. On the public side requests are signed, or bring an access token; a caller's tenant is his own, and what he may do
// is what the scope allows that an operation's security requirement in the description names.
package native

import (
	"context"
	"log/slog"

	"github.com/danielgtaylor/huma/v2"

	"muster"
	"muster/access"
	"muster/directory"
	"muster/secret"
	"muster/spreadsheet"
	"muster/webhook"
)

// Prefix is where all paths of the API begin.
const Prefix = "/api/v1"

// maxBody bounds a request's body, in bytes: the largest one has a tenant's settings.
const maxBody = 64 << 10

// Keys are the keys that the installation seals with; [*secret.Keyring] is one.
type Keys interface {
	Status(ctx context.Context, items secret.Rewrapper) (secret.Status, error)
	Rotate(ctx context.Context, items secret.Rewrapper) (secret.Rotation, error)
	RotateMaster(ctx context.Context) error
}

// Config is what the API stands on. All fields without a word on their zero value are mandatory.
type Config struct {
	Access      *access.Service
	Departments *directory.Departments
	Users       *directory.Users
	Engine      Engine
	Batches     BatchReader
	Passwords   Passwords
	UserReader  UserReader
	Roles       *access.Roles
	Federation  *access.Federation
	Trier       FederationTrier
	Audit       AuditReader
	Webhooks    *webhook.Service
	Keys        Keys
	Sealed      secret.Rewrapper // what is sealed under the keys
	Logger      *slog.Logger     // takes the causes of internal errors, which no answer has
	Version     string           // of the server, for the API's description
	Operators   *access.Operators
	// InvitationAddress is the address of the page on which an operator sets his password by an invitation.
	InvitationAddress func(secret string) string
	// LinkAddress is the address of the page on which a user sets his password by a link.
	LinkAddress func(tenant muster.ID, secret string) string
	// Stopping is closed when the server begins to stop: answers that go on for as long as a batch does end then. nil never is.
	Stopping <-chan struct{}
	// Workbooks bounds how many XLSX files are in memory at a time, whichever side they come from; nil is no bound.
	Workbooks *spreadsheet.Limiter
}

type api struct{ Config }

// description is huma's default without what would send a reader to other hosts: its page of documentation loads
// scripts from a content delivery network, and its schema links name the host that a client claims to speak to.
func description(version string) huma.Config {
	config := huma.DefaultConfig("Muster", version)
	config.DocsPath = ""
	config.SchemasPath = ""
	config.OpenAPIPath = ""
	config.CreateHooks = nil
	config.RejectUnknownQueryParameters = true
	return config
}

// answer is a response whose body is T.
type answer[T any] struct{ Body T }

// reply maps the result of a domain call to what huma writes.
func reply[T any](ctx context.Context, a *api, body T, err error) (*answer[T], error) {
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	return &answer[T]{Body: body}, nil
}
