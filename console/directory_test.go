package console_test

import (
	"testing"

	"muster"
)

// TestFromDepartmentToHistory goes an administrator's way through the directory in a browser: he makes departments, and a user in
// one of them, finds him, changes him, and sees what a batch did with him.
func TestFromDepartmentToHistory(t *testing.T) {
	t.Parallel()
	b := setup(t)
	must(t, b.store.UpdateTenant(t.Context(), func() *muster.Tenant {
		b.tenant.Settings.UserLimit, b.tenant.Settings.PersonalSpaceGB = 250, 500
		return b.tenant
	}()))
	sales := b.newDepartment(t, b.tenant.ID, 0, "Sales")
	b.newDepartment(t, b.tenant.ID, sales.ID, "North")
	b.newRole(t, b.tenant.ID, "Clerk")
	admin := b.tab(t)
	admin.signIn(b.operator(t, b.tenant.ID, muster.OperatorAdministrator))

	admin.click(`nav.side a[href="/console/departments"]`)
	admin.sees("h1", "Departments")
	admin.types("#name", "South/East")
	admin.types("#parent", "/Sales")
	admin.click("section button.main")
	admin.sees("#name-fault", "A slash is not accepted.")
	admin.types("#name", "South")
	admin.click("section button.main")
	admin.sees("[role=status]", "The department is made.")
	admin.sees("h1", "Sales")
	admin.open("/console/departments")
	admin.click(".tree summary")
	admin.sees(".tree li li li a", "South") // what is below comes when it is opened
	admin.accessible()

	admin.click(".tree li li li:last-child a")
	admin.sees("h1", "South")
	admin.click(`a[href^="/console/users/new"]`)
	admin.sees("h1", "Make a user")
	const name = `Ada <b>&"`
	admin.types("#firstName", name)
	admin.types("#account", "ada")
	admin.types("#phone", "x")
	admin.accessible()
	admin.click("form.sheet button.main")
	admin.sees("#phone-fault", "5 to 20 digits")
	admin.types("#phone", "+49 151 0001")
	admin.click("fieldset input[type=checkbox]")
	admin.click("form.sheet button.main")
	admin.sees("[role=status]", "The user is made.")
	admin.sees("dl.facts", "/Sales/South")

	b.provisioned(t, b.tenant.ID, "people.csv", muster.Row{
		Action: muster.ActionUpdate, Match: muster.KeyAccount, Account: "ada", Surname: "Lovelace", Set: muster.FieldSurname,
	})
	admin.click(`nav.side a[href="/console/users"]`)
	admin.sees("h1", "Users")
	admin.types("#q", "love")
	admin.click("form.search button.main")
	admin.waits(`location.search.includes("q=love") && document.readyState == "complete"`)
	admin.sees("tbody th", name+" Lovelace")
	admin.accessible()
	admin.click("tbody th a")
	admin.sees("h1", name+" Lovelace")
	admin.sees("tbody th", "people.csv")
	admin.sees("tbody td", "changed")
	admin.types("#capacityGB", "480")
	admin.click("form.sheet button.main")
	admin.sees("[role=status]", "The user is changed.")
	admin.sees("dl.facts", "480 GB")
	admin.accessible()

	admin.click(`nav.side a[href="/console/quotas"]`)
	admin.sees("#space", "480 of 500 (96.0 %)")
	admin.click(`nav.side a[href="/console/roles"]`)
	admin.sees("tbody th", "Clerk")
	admin.accessible()
}
