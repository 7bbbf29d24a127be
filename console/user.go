package console

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"muster"
	"muster/access"
	"muster/provision"
)

// userFacts are what a user's page shows.
type userFacts struct {
	User   *muster.User
	Home   *muster.Department // nil: it was deleted just now
	Roles  []muster.Role      // that he has
	Form   userForm           // for who may change him
	Past   []provision.UserOutcome
	Next   string // query of the history's page behind; "" if there is none
	faults faults
}

// maxBadges is how many roles are named above a form that has them all.
const maxBadges = 20

// topRoles are those that are named on top of the page.
func (f *userFacts) topRoles(v *visit) []muster.Role {
	if v.may(muster.ScopeAdminister) {
		return f.Roles[:min(len(f.Roles), maxBadges)]
	}
	return f.Roles
}

// userMeant is the user whom the path names.
func (v *visit) userMeant() (*muster.User, error) {
	id, err := v.pathID("user")
	if err != nil {
		return nil, err
	}
	return v.Users.Get(v.ctx(), v.tenant.ID, v.actor(), id)
}

func (v *visit) showUser() error { return v.showUserWith(http.StatusOK, nil, nil) }

// showUserWith shows the user as he is by now, with a form as it was typed; nil is one that says what he is.
func (v *visit) showUserWith(status int, typed *userForm, wrong faults) error {
	u, err := v.userMeant()
	if err != nil {
		return err
	}
	f := userFacts{User: u, faults: wrong}
	f.Home, err = v.Departments.Get(v.ctx(), v.tenant.ID, v.actor(), u.Department)
	if err != nil && muster.KindOf(err) != muster.KindNotFound {
		return err
	}
	if err := v.past(&f); err != nil {
		return err
	}
	choice, err := v.roleChoice(u.Roles)
	if err != nil {
		return err
	}
	for _, r := range choice.Roles {
		if slices.Contains(u.Roles, r.ID) {
			f.Roles = append(f.Roles, r)
		}
	}
	if typed == nil {
		typed = formOf(u, f.Home)
	}
	f.Form = *typed
	f.Form.Seen, f.Form.Choice = seenOf(u), choice
	if v.may(muster.ScopeAdminister) {
		if f.Form.Departments, err = v.departmentChoice(); err != nil {
			return err
		}
	}
	return v.show(status, userPage(v, f))
}

// pastRows is how many rows of a user's history a page has.
const pastRows = 20

// past reads what batches did with the user, behind the place that the address names.
func (v *visit) past(f *userFacts) (err error) {
	var behind provision.HistoryCursor
	if text := v.r.URL.Query().Get("behind"); text != "" {
		batch, row, _ := strings.Cut(text, "-")
		if behind.Batch, err = muster.ParseID(batch); err != nil {
			return v.nowhere()
		}
		if behind.Row, err = strconv.Atoi(row); err != nil || behind.Row < 0 {
			return v.nowhere()
		}
	}
	if f.Past, err = v.Batches.History(v.ctx(), v.tenant.ID, f.User.ID, behind, pastRows); err != nil {
		return err
	}
	if len(f.Past) == pastRows {
		last := &f.Past[pastRows-1]
		f.Next = url.Values{"behind": {last.Batch.ID.String() + "-" + strconv.Itoa(last.Outcome.Row)}}.Encode()
	}
	return nil
}

// refuseUser shows the user again, with what is wrong.
func (v *visit) refuseUser(err error, typed *userForm) error {
	wrong, status, err := v.faultsOf(asFault(err, "capacityGB", "personalCapacity"), userFields...)
	if err != nil {
		return err
	}
	return v.showUserWith(status, typed, wrong)
}

func (v *visit) changeUser() error {
	u, err := v.userMeant()
	if err != nil {
		return err
	}
	f := v.userForm()
	row, department, err := v.changeOf(f, u)
	if err != nil {
		return v.refuseUser(err, f)
	}
	if row.Set == 0 && department == nil {
		return v.goTo(userPath(u), v.T("There was nothing to change."))
	}
	if _, err := v.Users.Edit(v.ctx(), v.tenant.ID, v.actor(), u.ID, row, department, f.unchanged); err != nil {
		return v.refuseUser(err, f)
	}
	return v.goTo(userPath(u), v.T("The user is changed."))
}

// switchUser disables or enables a user.
func (v *visit) switchUser() error {
	u, err := v.userMeant()
	if err != nil {
		return err
	}
	row := muster.Row{Disabled: v.form("disabled") != "", Set: muster.FieldStatus}
	if _, err := v.Users.Edit(v.ctx(), v.tenant.ID, v.actor(), u.ID, row, nil, nil); err != nil {
		return v.refuseUser(err, nil)
	}
	if row.Disabled {
		return v.goTo(userPath(u), v.T("The user is disabled, and his sessions have ended."))
	}
	return v.goTo(userPath(u), v.T("The user is enabled."))
}

// linkUser shows, this once, a link by which the user sets his password.
func (v *visit) linkUser() error {
	u, err := v.userMeant()
	if err != nil {
		return err
	}
	if u.Disabled {
		return v.refuseUser(&muster.Error{Kind: muster.KindConflict, Detail: "The user is disabled: enable him first."}, nil)
	}
	made, err := v.Links.Create(v.ctx(), v.tenant.ID, v.actor(), []muster.ID{u.ID}, access.DefaultLinkLife)
	switch {
	case err != nil:
		return v.refuseUser(err, nil)
	case len(made) == 0:
		return v.refuseUser(&muster.Error{Kind: muster.KindConflict, Detail: "The user was deleted or disabled just now."}, nil)
	}
	address := v.LinkAddress(v.tenant.ID, made[0].Secret)
	if strings.HasPrefix(address, "/") {
		address = v.publicURL() + address
	}
	return v.show(http.StatusOK, userLinkPage(v, u, address, made[0].ExpiresAt))
}

func (v *visit) removeUser() error {
	u, err := v.userMeant()
	if err != nil {
		return err
	}
	if _, err := v.Users.Delete(v.ctx(), v.tenant.ID, v.actor(), u.ID, nil); err != nil {
		return v.refuseUser(err, nil)
	}
	return v.goTo("/users", v.T("The user is deleted."))
}

func (v *visit) newUser() error {
	f := &userForm{Department: strings.TrimSpace(v.r.URL.Query().Get("department")), Level: levelText(muster.LevelCommon)}
	return v.showNewUser(http.StatusOK, f, nil)
}

func (v *visit) showNewUser(status int, f *userForm, wrong faults) (err error) {
	if f.Choice, err = v.roleChoice(nil); err != nil {
		return err
	}
	if f.Departments, err = v.departmentChoice(); err != nil {
		return err
	}
	return v.show(status, newUserPage(v, f, wrong))
}

func (v *visit) createUser() error {
	f := v.userForm()
	row, err := v.rowOf(f)
	var u *muster.User
	if err == nil {
		u, err = v.Users.Create(v.ctx(), v.tenant.ID, v.actor(), row)
	}
	if err != nil {
		wrong, status, err := v.faultsOf(asFault(err, "capacityGB", "personalCapacity"), userFields...)
		if err != nil {
			return err
		}
		return v.showNewUser(status, f, wrong)
	}
	return v.goTo(userPath(u), v.T("The user is made. He signs in once he has set a password: make a link for him."))
}

// errChanged refuses a form that shows somebody as he no longer is.
var errChanged = &muster.Error{
	Kind: muster.KindConflict, Detail: "The user has changed since you opened the page: compare what he is now with what you typed, and save again.",
}

// unchanged refuses to change a user who is no longer as the form showed him.
func (f *userForm) unchanged(u *muster.User) error {
	if f.Seen != seenOf(u) {
		return errChanged
	}
	return nil
}
