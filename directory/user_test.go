package directory_test

import (
	"strings"
	"testing"

	"muster"
	"muster/directory"
)

// staff are users of a tenant: in Sales its administrator, a common user and a manager, in Sales/North another user, in
// Support, beside Sales, one more; and the departments.
type staff struct {
	*bundle
	sales, north, support             *muster.Department
	chief, ada, manager, grace, linus muster.ID
}

func newStaff(t *testing.T) *staff {
	t.Helper()
	s := &staff{bundle: setup(t)}
	s.sales = s.department(0, "Sales")
	s.north, s.support = s.department(s.sales.ID, "North"), s.department(0, "Support")
	person := func(name string, level muster.AdminLevel, in *muster.Department) muster.ID {
		return s.user(muster.User{
			Account: name, AccountKey: strings.ToLower(name), FirstName: name, Level: level, Department: in.ID,
		})
	}
	s.chief = person("Chief", muster.LevelDepartmentAdmin, s.sales)
	s.ada = person("Ada", muster.LevelCommon, s.sales)
	s.manager = person("Max", muster.LevelManager, s.sales)
	s.grace = person("Grace", muster.LevelCommon, s.north)
	s.linus = person("Linus", muster.LevelCommon, s.support)
	return s
}

func to[T any](v T) *T { return &v }

func names(page *directory.UserPage) string {
	all := make([]string, len(page.Users))
	for i := range page.Users {
		all[i] = page.Users[i].FirstName
	}
	return strings.Join(all, " ")
}

func TestWhoSeesAUser(t *testing.T) {
	t.Parallel()
	s := newStaff(t)
	const gone = muster.ID(99)
	_, foreign := s.newTenant("third")
	for name, c := range map[string]struct {
		actor muster.Actor
		user  muster.ID
		want  muster.Kind // KindInternal: seen
	}{
		"a system administrator anybody":                  {s.as(s.admin), s.grace, 0},
		"an application anybody":                          {system, s.grace, 0},
		"nobody one of another tenant":                    {system, foreign, muster.KindNotFound},
		"nobody one who is not":                           {system, gone, muster.KindNotFound},
		"a department administrator who is in it":         {s.as(s.chief), s.ada, 0},
		"a department administrator who is below it":      {s.as(s.chief), s.grace, 0},
		"a department administrator himself":              {s.as(s.chief), s.chief, 0},
		"a department administrator nobody beside it":     {s.as(s.chief), s.linus, muster.KindNotFound},
		"a department administrator nobody above it":      {s.as(s.chief), s.admin, muster.KindNotFound},
		"a department administrator nobody who is not":    {s.as(s.chief), gone, muster.KindNotFound},
		"a department administrator nobody of another":    {s.as(s.chief), foreign, muster.KindNotFound},
		"a common user himself":                           {s.as(s.ada), s.ada, 0},
		"a common user nobody beside him":                 {s.as(s.ada), s.grace, muster.KindForbidden},
		"a common user nobody who is not":                 {s.as(s.ada), gone, muster.KindForbidden},
		"a manager himself":                               {s.as(s.manager), s.manager, 0},
		"a manager nobody else":                           {s.as(s.manager), s.ada, muster.KindForbidden},
		"who was an administrator and is deleted nothing": {muster.Actor{User: gone}, gone, muster.KindNotFound},
	} {
		u, err := s.users.Get(t.Context(), s.tenant.ID, c.actor, c.user)
		if c.want == muster.KindInternal {
			if err != nil || u.ID != c.user {
				t.Errorf("%s: %+v, %v", name, u, err)
			}
			continue
		}
		refused(t, name, err, c.want, "")
	}
	// Who is elsewhere and who is not there get the same answer, to the letter.
	_, there := s.users.Get(t.Context(), s.tenant.ID, s.as(s.chief), s.linus)
	_, nowhere := s.users.Get(t.Context(), s.tenant.ID, s.as(s.chief), gone)
	if there.Error() != nowhere.Error() {
		t.Errorf("elsewhere %q, nowhere %q", there, nowhere)
	}
}

func TestFindingUsers(t *testing.T) {
	t.Parallel()
	s := newStaff(t)
	region := s.tenant
	region.Settings.PhoneRegion = "DE"
	must(t, s.store.UpdateTenant(t.Context(), &region))
	ada := s.user(muster.User{
		Account: "ada2", AccountKey: "ada2", Phone: "030 901820", PhoneKey: "+4930901820", Email: "Ada@x.org", EmailKey: "ada@x.org", FirstName: "Ada II",
		Department: s.north.ID,
	})
	bob := s.user(muster.User{Email: "bob@x.org", EmailKey: "bob@x.org", FirstName: "Bob", Department: s.north.ID})
	s.user(muster.User{Email: "bob@x.org", EmailKey: "bob@x.org", FirstName: "Bob II", Department: s.support.ID})
	for name, c := range map[string]struct {
		actor muster.Actor
		key   muster.Key
		value string
		want  muster.ID
		kind  muster.Kind
		field string
	}{
		"by phone":                                 {system, muster.KeyPhone, "0049 30-901820", ada, 0, ""},
		"by phone, in the tenant's region":         {system, muster.KeyPhone, "030 901820", ada, 0, ""},
		"by phone, by his administrator":           {s.as(s.chief), muster.KeyPhone, "030 901820", ada, 0, ""},
		"by phone, by himself":                     {s.as(ada), muster.KeyPhone, "030 901820", ada, 0, ""},
		"by account":                               {system, muster.KeyAccount, "ADA2", ada, 0, ""},
		"by e-mail":                                {system, muster.KeyEmail, "ADA@X.ORG", ada, 0, ""},
		"by an e-mail of two":                      {system, muster.KeyEmail, "bob@x.org", 0, muster.KindConflict, "email"},
		"by an e-mail of two, one of whom is seen": {s.as(s.chief), muster.KeyEmail, "bob@x.org", bob, 0, ""},
		"by a phone of nobody":                     {system, muster.KeyPhone, "030 901821", 0, muster.KindNotFound, ""},
		"by a phone of one who is elsewhere":       {s.as(s.linus), muster.KeyPhone, "030 901820", 0, muster.KindForbidden, ""},
		"by a phone of nobody, by a common user":   {s.as(s.linus), muster.KeyPhone, "030 901821", 0, muster.KindForbidden, ""},
		"by the account of one elsewhere":          {s.as(s.chief), muster.KeyAccount, "linus", 0, muster.KindNotFound, ""},
		"by what is no phone":                      {system, muster.KeyPhone, "ada", 0, muster.KindInvalid, "phone"},
		"by what is no e-mail":                     {system, muster.KeyEmail, "ada", 0, muster.KindInvalid, "email"},
		"by no account":                            {system, muster.KeyAccount, "", 0, muster.KindInvalid, "account"},
	} {
		u, err := s.users.Find(t.Context(), s.tenant.ID, c.actor, c.key, c.value)
		if c.want == 0 {
			refused(t, name, err, c.kind, c.field)
		} else if err != nil || u.ID != c.want {
			t.Errorf("%s: %+v, %v", name, u, err)
		}
	}
	_, err := s.users.Find(t.Context(), s.other.ID, system, muster.KeyAccount, "ada2")
	refused(t, "in another tenant", err, muster.KindNotFound, "")
	_, err = s.users.Find(t.Context(), 99, system, muster.KeyAccount, "ada2")
	refused(t, "in no tenant", err, muster.KindNotFound, "")
}

func TestListingUsers(t *testing.T) {
	t.Parallel()
	s := newStaff(t)
	for name, c := range map[string]struct {
		actor muster.Actor
		query directory.UserQuery
		want  string
		total int64
	}{
		"all":                       {system, directory.UserQuery{Limit: 9}, "Administrator Chief Ada Max Grace Linus", 6},
		"all of the root":           {system, directory.UserQuery{Department: s.tenant.RootDepartment, Limit: 9}, "Administrator Chief Ada Max Grace Linus", 6},
		"the root's own":            {system, directory.UserQuery{Direct: true, Limit: 9}, "Administrator", 1},
		"a department":              {system, directory.UserQuery{Department: s.sales.ID, Limit: 9}, "Chief Ada Max Grace", 4},
		"a department's own":        {system, directory.UserQuery{Department: s.sales.ID, Direct: true, Limit: 9}, "Chief Ada Max", 3},
		"the second page":           {system, directory.UserQuery{Department: s.sales.ID, Offset: 2, Limit: 1}, "Max", 4},
		"behind the last":           {system, directory.UserQuery{Offset: 6, Limit: 9}, "", 6},
		"by keyword":                {system, directory.UserQuery{Keyword: "RA", Limit: 9}, "Administrator Grace", 2},
		"by keyword in one":         {system, directory.UserQuery{Department: s.sales.ID, Keyword: "ra", Limit: 9}, "Grace", 1},
		"by a wildcard":             {system, directory.UserQuery{Keyword: "_", Limit: 9}, "", 0},
		"what the chief sees":       {s.as(s.chief), directory.UserQuery{Limit: 9}, "Chief Ada Max Grace", 4},
		"the chief's own":           {s.as(s.chief), directory.UserQuery{Direct: true, Limit: 9}, "Chief Ada Max", 3},
		"what the chief sees below": {s.as(s.chief), directory.UserQuery{Department: s.north.ID, Limit: 9}, "Grace", 1},
	} {
		page, err := s.users.List(t.Context(), s.tenant.ID, c.actor, c.query)
		must(t, err)
		if got := names(page); got != c.want || page.Total != c.total {
			t.Errorf("%s: %s of %d, want %s of %d", name, got, page.Total, c.want, c.total)
		}
	}
	for name, c := range map[string]struct {
		query directory.UserQuery
		kind  muster.Kind
		field string
	}{
		"no limit":                  {directory.UserQuery{}, muster.KindInvalid, "limit"},
		"a large limit":             {directory.UserQuery{Limit: directory.MaxPage + 1}, muster.KindInvalid, "limit"},
		"an offset below zero":      {directory.UserQuery{Limit: 1, Offset: -1}, muster.KindInvalid, "offset"},
		"a long keyword":            {directory.UserQuery{Limit: 1, Keyword: strings.Repeat("x", 255)}, muster.KindInvalid, "keyword"},
		"no department":             {directory.UserQuery{Limit: 1, Department: 99}, muster.KindNotFound, ""},
		"another tenant's":          {directory.UserQuery{Limit: 1, Department: s.other.RootDepartment}, muster.KindNotFound, ""},
		"a role in a department":    {directory.UserQuery{Limit: 1, Role: 7, Department: s.sales.ID}, muster.KindInvalid, "roleId"},
		"a role and a keyword":      {directory.UserQuery{Limit: 1, Role: 7, Keyword: "x"}, muster.KindInvalid, "roleId"},
		"another tenant's, its own": {directory.UserQuery{Limit: 1, Department: s.other.RootDepartment, Direct: true}, muster.KindNotFound, ""},
	} {
		_, err := s.users.List(t.Context(), s.tenant.ID, system, c.query)
		refused(t, name, err, c.kind, c.field)
	}
}

func TestChangingAUser(t *testing.T) {
	t.Parallel()
	s := newStaff(t)
	ctx, tenant := t.Context(), s.tenant.ID
	before, err := s.users.Get(ctx, tenant, system, s.ada)
	must(t, err)
	changed, err := s.users.Change(ctx, tenant, s.as(s.chief), s.ada, directory.UserChange{
		Department: &s.north.ID, Level: to(muster.LevelDepartmentAdmin), Disabled: to(true),
	})
	must(t, err)
	if changed.Department != s.north.ID || changed.Level != muster.LevelDepartmentAdmin || !changed.Disabled || changed.FirstName != "Ada" {
		t.Errorf("changed %+v", changed)
	}
	if changed.TokenEpoch == before.TokenEpoch {
		t.Error("the tokens of one who was disabled live on")
	}
	changed, err = s.users.Change(ctx, tenant, system, s.ada, directory.UserChange{Disabled: to(false)})
	must(t, err)
	if changed.Disabled || changed.Department != s.north.ID {
		t.Errorf("enabled %+v", changed)
	}
	gone, err := s.users.Delete(ctx, tenant, s.as(s.chief), s.ada, nil)
	must(t, err)
	if gone.FirstName != "Ada" {
		t.Errorf("deleted %+v", gone)
	}
	_, err = s.users.Get(ctx, tenant, system, s.ada)
	refused(t, "read who is deleted", err, muster.KindNotFound, "")
	quota, err := s.users.Quota(ctx, tenant, s.as(s.manager))
	must(t, err)
	if quota.Users != 5 {
		t.Errorf("%d seats are taken, want 5", quota.Users)
	}
	_, err = s.users.Quota(ctx, tenant, s.as(s.linus))
	refused(t, "quota", err, muster.KindForbidden, "")
}

func TestChangesOfUsersThatAreRefused(t *testing.T) {
	t.Parallel()
	s := newStaff(t)
	boss := s.user(muster.User{Account: "boss", AccountKey: "boss", FirstName: "Boss", Level: muster.LevelSystemAdmin, Department: s.north.ID})
	must(t, func() error { // so that the tenant's first administrator is its last
		_, err := s.users.Change(t.Context(), s.tenant.ID, system, boss, directory.UserChange{Disabled: to(true)})
		return err
	}())
	chief, gone := s.as(s.chief), muster.ID(99)
	for name, c := range map[string]struct {
		actor  muster.Actor
		user   muster.ID
		change directory.UserChange
		kind   muster.Kind
		field  string
	}{
		"nothing":                          {system, s.ada, directory.UserChange{}, muster.KindInvalid, ""},
		"an unknown level":                 {system, s.ada, directory.UserChange{Level: to(muster.AdminLevel(3))}, muster.KindInvalid, "adminLevel"},
		"who is not":                       {system, gone, directory.UserChange{Disabled: to(true)}, muster.KindNotFound, ""},
		"who is elsewhere":                 {chief, s.linus, directory.UserChange{Disabled: to(true)}, muster.KindNotFound, ""},
		"who is elsewhere, and above":      {chief, s.admin, directory.UserChange{Disabled: to(true)}, muster.KindNotFound, ""},
		"to no department":                 {system, s.ada, directory.UserChange{Department: &gone}, muster.KindNotFound, "departmentId"},
		"to department 0":                  {system, s.ada, directory.UserChange{Department: new(muster.ID)}, muster.KindNotFound, "departmentId"},
		"to another tenant's":              {system, s.ada, directory.UserChange{Department: &s.other.RootDepartment}, muster.KindNotFound, "departmentId"},
		"out of his reach":                 {chief, s.ada, directory.UserChange{Department: &s.support.ID}, muster.KindForbidden, "department"},
		"above himself":                    {chief, s.ada, directory.UserChange{Level: to(muster.LevelManager)}, muster.KindForbidden, "adminLevel"},
		"himself above himself":            {chief, s.chief, directory.UserChange{Level: to(muster.LevelSystemAdmin)}, muster.KindForbidden, "adminLevel"},
		"who is above him":                 {chief, s.manager, directory.UserChange{Disabled: to(true)}, muster.KindForbidden, ""},
		"who is far above him":             {chief, boss, directory.UserChange{Level: to(muster.LevelCommon)}, muster.KindForbidden, ""},
		"himself, as a common user":        {s.as(s.ada), s.ada, directory.UserChange{Level: to(muster.LevelCommon)}, muster.KindForbidden, ""},
		"the last administrator":           {system, s.admin, directory.UserChange{Disabled: to(true)}, muster.KindConflict, ""},
		"the last administrator's level":   {system, s.admin, directory.UserChange{Level: to(muster.LevelCommon)}, muster.KindConflict, ""},
		"the last administrator, all ways": {s.as(s.admin), s.admin, directory.UserChange{Level: to(muster.LevelManager), Disabled: to(true)}, muster.KindConflict, ""},
		"some of several":                  {s.as(s.admin), s.admin, directory.UserChange{Department: &s.north.ID, Disabled: to(true)}, muster.KindConflict, ""},
	} {
		before, _ := s.store.User(t.Context(), s.tenant.ID, c.user)
		_, err := s.users.Change(t.Context(), s.tenant.ID, c.actor, c.user, c.change)
		refused(t, name, err, c.kind, c.field)
		after, _ := s.store.User(t.Context(), s.tenant.ID, c.user)
		if before != nil && (before.Department != after.Department || before.Level != after.Level || before.Disabled != after.Disabled) {
			t.Errorf("%s: was refused and done in part: %+v", name, after)
		}
	}
	for name, c := range map[string]struct {
		actor muster.Actor
		user  muster.ID
		kind  muster.Kind
	}{
		"who is not":             {system, gone, muster.KindNotFound},
		"who is elsewhere":       {chief, s.linus, muster.KindNotFound},
		"who is above him":       {chief, s.manager, muster.KindForbidden},
		"the last administrator": {system, s.admin, muster.KindConflict},
		"himself":                {s.as(s.ada), s.ada, muster.KindForbidden},
	} {
		_, err := s.users.Delete(t.Context(), s.tenant.ID, c.actor, c.user, nil)
		refused(t, "delete "+name, err, c.kind, "")
	}
}

func TestQuota(t *testing.T) {
	t.Parallel()
	b := setup(t)
	limited := b.tenant
	limited.Settings.UserLimit, limited.Settings.PersonalSpaceGB = 7, 100
	must(t, b.store.UpdateTenant(t.Context(), &limited))
	b.user(muster.User{Account: "ada", AccountKey: "ada", CapacityGB: 30})
	got, err := b.users.Quota(t.Context(), b.tenant.ID, system)
	must(t, err)
	if want := (directory.Quota{Users: 2, UserLimit: 7, CapacityGB: 30, PersonalSpaceGB: 100}); *got != want {
		t.Errorf("quota %+v, want %+v", *got, want)
	}
	_, err = b.users.Quota(t.Context(), 99, system)
	refused(t, "no tenant", err, muster.KindNotFound, "")
}
