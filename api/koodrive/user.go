package koodrive

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"muster"
	"muster/directory"
)

const acceptedUser = "a JSON object in UTF-8 that has one or more of deptId, the id of a department, role, which is 0, 1, 2 or 5, and status, which is 0 or 1"

// The statuses of a user (KooDrive contract, section 5).
const (
	statusEnabled  = 0
	statusDisabled = 1
)

// userInfo is GET /user/info (KooDrive contract, section 5): the user of an id or phone, and without either the caller.
func (h *Handler) userInfo(ctx context.Context, r *request) ([]byte, error) {
	values, err := parameters(r.query, "userId", "phone")
	if err != nil {
		return nil, err
	}
	id, err := optionalID("userId", values[0])
	if err != nil {
		return nil, err
	}
	phone := values[1]
	if id == 0 && phone == "" {
		if id = r.Actor.User; id == 0 {
			return nil, badParameter("userId or phone must say which user.")
		}
	}
	var user *muster.User
	if id != 0 {
		user, err = h.Users.Get(ctx, r.Tenant.ID, r.Actor, id)
	} else {
		user, err = h.Users.Find(ctx, r.Tenant.ID, r.Actor, muster.KeyPhone, phone)
	}
	if err != nil {
		return nil, err
	}
	return appendUserInfo(user), nil
}

// getUser is GET /users/{id} (KooDrive contract, section 5).
func (h *Handler) getUser(ctx context.Context, r *request) ([]byte, error) {
	id, err := parameterID("userId", r.id)
	if err != nil {
		return nil, err
	}
	user, err := h.Users.Get(ctx, r.Tenant.ID, r.Actor, id)
	if err != nil {
		return nil, err
	}
	names, err := h.departmentNames(ctx, r.Tenant.ID, []muster.User{*user})
	if err != nil {
		return nil, err
	}
	return appendUser(user, names), nil
}

// changeUser is PUT /users/{id} (KooDrive contract, section 5): what is absent stays as it is.
func (h *Handler) changeUser(ctx context.Context, r *request) ([]byte, error) {
	id, err := parameterID("userId", r.id)
	if err != nil {
		return nil, err
	}
	change, err := decodeUserChange(r.body)
	if err != nil {
		return nil, err
	}
	_, err = h.Users.Change(ctx, r.Tenant.ID, r.Actor, id, change)
	return nil, renamed(err)
}

// fieldNames are the contract's names of fields that the domain calls otherwise.
var fieldNames = map[string]string{"adminLevel": "role", "department": "deptId"}

// renamed gives a refusal the contract's name of the field.
func renamed(err error) error {
	var domain *muster.Error
	if !errors.As(err, &domain) || fieldNames[domain.Field] == "" {
		return err
	}
	said := *domain
	said.Field = fieldNames[domain.Field]
	return &said
}

func decodeUserChange(body []byte) (change directory.UserChange, err error) {
	err = decodeObject(body, acceptedUser, func(d objectDecoder, name string) error {
		switch name {
		case "deptId":
			change.Department = new(muster.ID)
			return d.id(name, change.Department)
		case "role":
			n, ok, err := d.number(name)
			if level := muster.AdminLevel(n); ok && level.Valid() {
				change.Level = &level
				return nil
			} else if err != nil {
				return err
			}
			return badParameter("role must be 0 (department administrator), 1 (common user), 2 (system administrator) or 5 (management permissions).")
		case "status":
			n, ok, err := d.number(name)
			switch {
			case err != nil:
				return err
			case !ok || n != statusEnabled && n != statusDisabled:
				return badParameter("status must be 0 (enabled) or 1 (disabled).")
			}
			disabled := n == statusDisabled
			change.Disabled = &disabled
			return nil
		default:
			return d.Skip()
		}
	})
	if err == nil && change == (directory.UserChange{}) {
		err = badParameter("There is nothing to change: the body must be %s.", acceptedUser)
	}
	return change, err
}

// deleteUser is DELETE /users/{id} (KooDrive contract, section 5).
func (h *Handler) deleteUser(ctx context.Context, r *request) ([]byte, error) {
	id, err := parameterID("userId", r.id)
	if err != nil {
		return nil, err
	}
	_, err = h.Users.Delete(ctx, r.Tenant.ID, r.Actor, id, nil)
	return nil, err
}

// listUsers is GET /userList (KooDrive contract, section 5): users of a department and, unless isDirect is true, of those
// below it. Without deptId it is the highest that the caller administers.
func (h *Handler) listUsers(ctx context.Context, r *request) ([]byte, error) {
	q, err := parseUserQuery(r)
	if err != nil {
		return nil, err
	}
	page, err := h.Users.List(ctx, r.Tenant.ID, r.Actor, q)
	if err != nil {
		return nil, err
	}
	names, err := h.departmentNames(ctx, r.Tenant.ID, page.Users)
	if err != nil {
		return nil, err
	}
	list := []byte{'['}
	for i := range page.Users {
		if i > 0 {
			list = append(list, ',')
		}
		list = append(list, appendUser(&page.Users[i], names)...)
	}
	var o object
	o.raw("list", append(list, ']'))
	o.number("total", page.Total)
	return o.end(), nil
}

const (
	maxUserPage = 100 // users (KooDrive contract, section 5)
	maxOffset   = 1<<31 - 1
)

func parseUserQuery(r *request) (q directory.UserQuery, err error) {
	values, err := parameters(r.query, "deptId", "isDirect", "offset", "limit", "keyWord")
	if err != nil {
		return q, err
	}
	if q.Department, err = optionalID("deptId", values[0]); err != nil {
		return q, err
	}
	switch values[1] {
	case "", "false":
	case "true":
		q.Direct = true
	default:
		return q, badParameter("isDirect must be true or false.")
	}
	if q.Offset, err = count("offset", values[2], 0, maxOffset, 0); err != nil {
		return q, err
	}
	if q.Limit, err = count("limit", values[3], 1, maxUserPage, maxUserPage); err != nil {
		return q, err
	}
	q.Keyword = values[4]
	return q, checkKeyword(q.Keyword)
}

// count reads a number in decimal digits; absent it is otherwise.
func count(name, value string, least, most, otherwise int) (int, error) {
	if value == "" {
		return otherwise, nil
	}
	n, err := strconv.ParseUint(value, 10, 31)
	if err != nil || int(n) < least || int(n) > most {
		return 0, badParameter("%s must be from %d to %d.", name, least, most)
	}
	return int(n), nil
}

// quotaUsed is GET /service/quotaUsed (KooDrive contract, section 5), in GB. Space for departments and groups is not given
// out here, so all of the tenant's is personal. A limit of 0 users is none.
func (h *Handler) quotaUsed(ctx context.Context, r *request) ([]byte, error) {
	quota, err := h.Users.Quota(ctx, r.Tenant.ID, r.Actor)
	if err != nil {
		return nil, err
	}
	var o object
	o.number("spaceCapacity", quota.PersonalSpaceGB)
	o.number("spaceQuotaUsed", quota.CapacityGB)
	o.number("userMaxCount", quota.UserLimit)
	o.number("userCount", quota.Users)
	o.number("personalSpaceQuota", quota.PersonalSpaceGB)
	o.number("personalSpaceQuotaUsed", quota.CapacityGB)
	return o.end(), nil
}

// departmentNames gives the names of the users' departments by id.
func (h *Handler) departmentNames(ctx context.Context, tenant muster.ID, users []muster.User) (map[muster.ID]string, error) {
	names := make(map[muster.ID]string)
	var keys muster.Keys
	for i := range users {
		if id := users[i].Department; id != 0 {
			if _, asked := names[id]; !asked {
				names[id] = ""
				keys.Departments = append(keys.Departments, muster.DepartmentRef{Base: id})
			}
		}
	}
	if len(names) == 0 {
		return names, nil
	}
	shot, err := h.Snapshots.Snapshot(ctx, tenant, keys)
	if err != nil {
		return nil, err
	}
	for i := range shot.Departments {
		names[shot.Departments[i].ID] = shot.Departments[i].Name
	}
	return names, nil
}

// appendUserInfo writes who a user is, as a sign-in and /user/info show him.
func appendUserInfo(u *muster.User) []byte {
	var o object
	o.userInfo(u)
	return o.end()
}

func (o *object) userInfo(u *muster.User) {
	o.id("userId", u.ID)
	o.text("firstname", u.FirstName)
	o.text("surname", u.Surname)
	o.text("phone", u.Phone)
	o.text("email", u.Email)
}

// appendUser writes a user as administrators see him: with what the vendor's page on the call has, and who he is.
func appendUser(u *muster.User, departments map[muster.ID]string) []byte {
	var o object
	o.id("id", u.ID)
	o.userInfo(u)
	name := u.DisplayName
	if name == "" {
		name = strings.TrimSpace(u.FirstName + " " + u.Surname)
	}
	o.text("name", name)
	o.text("account", u.Account)
	o.text("mobile", u.Phone)
	o.id("deptId", u.Department)
	o.text("deptName", departments[u.Department])
	o.number("role", int64(u.Level))
	status := int64(statusEnabled)
	if u.Disabled {
		status = statusDisabled
	}
	o.number("status", status)
	o.number("personalCapacity", u.CapacityGB)
	return o.end()
}
