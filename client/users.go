package client

import (
	"context"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Users are a tenant's users, through Muster's own API. Refusals are [*Problem]s.
type Users struct{ c *Client }

// Users gives access to the tenant's users through Muster's own API.
func (c *Client) Users() Users { return Users{c} }

// DirectoryUser is a person in a tenant's directory.
type DirectoryUser struct {
	ID           string    `json:"id"`
	Account      string    `json:"account"`
	Phone        string    `json:"phone"`
	Email        string    `json:"email"`
	FirstName    string    `json:"firstName"`
	Surname      string    `json:"surname"`
	DisplayName  string    `json:"displayName"`
	AdminLevel   int       `json:"adminLevel"` // 0 department administrator, 1 common user, 2 system administrator, 5 manager
	Disabled     bool      `json:"disabled"`
	DepartmentID string    `json:"departmentId"`
	CapacityGB   int64     `json:"capacityGB"`
	RoleIDs      []string  `json:"roleIds"`
	Source       string    `json:"source"`             // whose files say whether he is there; "": nobody's
	HasPassword  bool      `json:"hasPassword"`        // without one he cannot sign in until he has set one
	MustChange   bool      `json:"mustChangePassword"` // his password only serves to set another
	CreatedAt    time.Time `json:"createdAt"`
	UpdatedAt    time.Time `json:"updatedAt"`

	// ETag stands for the user as he is here; of a user from a list it is "". See [UserChange].
	ETag string `json:"-"`
}

// Format prints nothing of a person but the id, whatever the verb.
func (u DirectoryUser) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[user "+u.ID+"]") }

// NewUser is a user to be made: with a first name or a display name, and with an account, a phone or, where the tenant has
// uniqueEmail, an e-mail address that nobody else has. Fields that are empty, or nil, are absent.
type NewUser struct {
	Account      string   `json:"account,omitempty"`
	Phone        string   `json:"phone,omitempty"`
	Email        string   `json:"email,omitempty"`
	FirstName    string   `json:"firstName,omitempty"`
	Surname      string   `json:"surname,omitempty"`
	DisplayName  string   `json:"displayName,omitempty"`
	Password     string   `json:"password,omitempty"`
	PasswordHash string   `json:"passwordHash,omitempty"` // in place of Password: another system's
	AdminLevel   *int     `json:"adminLevel,omitempty"`
	Disabled     bool     `json:"disabled,omitempty"`
	DepartmentID string   `json:"departmentId,omitempty"` // "": the root
	Department   string   `json:"department,omitempty"`   // its name, or names joined by slashes, from DepartmentID downwards
	CapacityGB   int64    `json:"capacityGB,omitempty"`
	RoleIDs      []string `json:"roleIds,omitempty"`
}

// Format prints nothing of a person, whatever the verb.
func (NewUser) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[user]") }

// UserChange is what is to be changed of a user: what is not nil, all of it or nothing.
type UserChange struct {
	Account      *string   `json:"account,omitempty"` // as the others: "" takes it away
	Phone        *string   `json:"phone,omitempty"`
	Email        *string   `json:"email,omitempty"`
	FirstName    *string   `json:"firstName,omitempty"`
	Surname      *string   `json:"surname,omitempty"`
	DisplayName  *string   `json:"displayName,omitempty"`
	DepartmentID *string   `json:"departmentId,omitempty"`
	AdminLevel   *int      `json:"adminLevel,omitempty"`
	CapacityGB   *int64    `json:"capacityGB,omitempty"`
	RoleIDs      *[]string `json:"roleIds,omitempty"` // in place of those that he has
	Disabled     *bool     `json:"disabled,omitempty"`

	// IfMatch is the ETag of the user as he was when the change was decided: if he has changed since, the call is refused with
	// status 412. "" changes him however he is.
	IfMatch string `json:"-"`
}

// Format prints nothing of a person, whatever the verb.
func (UserChange) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[change of a user]") }

// UserQuery says which users; the zero value is all. Of Account, Phone, Email and Name at most one is set: only users are given for
// whom it begins so, in its order.
type UserQuery struct {
	Account, Phone, Email, Name string
	// Exact wants all of Account, Phone or Email, and not the beginning.
	Exact        bool
	DepartmentID string // only users of the department and those below it
	Direct       bool   // only users of the department itself
	Keyword      string // only users with this somewhere in account, phone, e-mail address or a name
}

func (q *UserQuery) query() url.Values {
	query := url.Values{}
	for name, value := range map[string]string{
		"account": q.Account, "phone": q.Phone, "email": q.Email, "name": q.Name, "departmentId": q.DepartmentID, "keyword": q.Keyword,
	} {
		if value != "" {
			query.Set(name, value)
		}
	}
	for name, set := range map[string]bool{"exact": q.Exact, "direct": q.Direct} {
		if set {
			query.Set(name, "true")
		}
	}
	return query
}

func userAt(id string) string { return "/users/" + url.PathEscape(id) }

// List gives the users that a query wants. An error ends it, and comes with a zero user.
func (u Users) List(ctx context.Context, q UserQuery) iter.Seq2[DirectoryUser, error] {
	return func(yield func(DirectoryUser, error) bool) {
		query := q.query()
		query.Set("limit", strconv.Itoa(MaxPage))
		for {
			var page struct {
				Users []DirectoryUser `json:"users"`
				Next  string          `json:"nextCursor"`
			}
			if _, err := u.c.native(ctx, nativeCall{method: http.MethodGet, path: "/users", query: query}, &page); err != nil {
				yield(DirectoryUser{}, err)
				return
			}
			for i := range page.Users {
				if !yield(page.Users[i], nil) {
					return
				}
			}
			if page.Next == "" {
				return
			}
			query.Set("cursor", page.Next)
		}
	}
}

// Get reads a user.
func (u Users) Get(ctx context.Context, id string) (*DirectoryUser, error) {
	return u.one(ctx, nativeCall{method: http.MethodGet, path: userAt(id)})
}

// Create makes a user. It is sent again only where the server said that nothing was done: if the answer is lost, the error leaves
// open whether the user was made, and a second call is refused with status 409 if he was.
func (u Users) Create(ctx context.Context, n NewUser) (*DirectoryUser, error) {
	return u.one(ctx, nativeCall{method: http.MethodPost, path: "/users", in: n, once: true})
}

// Update changes a user. With an IfMatch it is sent again only where the server said that nothing was done.
func (u Users) Update(ctx context.Context, id string, change UserChange) (*DirectoryUser, error) {
	call := nativeCall{method: http.MethodPatch, path: userAt(id), in: change}
	if change.IfMatch != "" {
		call.header, call.once = http.Header{"If-Match": {change.IfMatch}}, true
	}
	return u.one(ctx, call)
}

// Disable takes a user the right to sign in; he keeps everything else.
func (u Users) Disable(ctx context.Context, id string) (*DirectoryUser, error) {
	disabled := true
	return u.Update(ctx, id, UserChange{Disabled: &disabled})
}

// Enable undoes Disable.
func (u Users) Enable(ctx context.Context, id string) (*DirectoryUser, error) {
	disabled := false
	return u.Update(ctx, id, UserChange{Disabled: &disabled})
}

// Delete removes a user, and gives him as he was. ifMatch is as [UserChange.IfMatch]. It is sent again only where the server said that
// nothing was done.
func (u Users) Delete(ctx context.Context, id, ifMatch string) (*DirectoryUser, error) {
	call := nativeCall{method: http.MethodDelete, path: userAt(id), once: true}
	if ifMatch != "" {
		call.header = http.Header{"If-Match": {ifMatch}}
	}
	return u.one(ctx, call)
}

// Export writes users as CSV, in columns that an upload reads. Of the query, DepartmentID, Direct and Keyword count. After an error,
// what was written is not whole.
func (u Users) Export(ctx context.Context, w io.Writer, q UserQuery) error {
	return u.c.download(ctx, w, "/users/export.csv", q.query())
}

func (u Users) one(ctx context.Context, call nativeCall) (*DirectoryUser, error) {
	user := new(DirectoryUser)
	header, err := u.c.native(ctx, call, user)
	if err != nil {
		return nil, err
	}
	user.ETag = header.Get("ETag")
	return user, nil
}
