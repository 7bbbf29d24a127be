package directory

import (
	"slices"

	"muster"
)

// UserName is a place in a store's index of names: one of a user's [muster.User.SearchNames].
type UserName struct {
	Name string
	User muster.ID
}

// NameChanges are the places in the index of names that a plan takes away and those that it adds. Of before, users as they are
// stored, it learns what is there: all whom the plan changes or deletes are among them. A place that is left behind all the
// same finds nobody, see [UserMatches.Add].
func NameChanges(plan *muster.Planned, before []muster.User) (gone, come []UserName) {
	if len(plan.Update)+len(plan.Delete) > 0 {
		stored := make(map[muster.ID]*muster.User, len(before))
		for i := range before {
			stored[before[i].ID] = &before[i]
		}
		for _, id := range plan.Delete {
			if u := stored[id]; u != nil {
				gone = addNames(gone, u)
			}
		}
		for i := range plan.Update {
			next := &plan.Update[i]
			u := stored[next.ID]
			if u != nil && slices.Equal(u.SearchNames(), next.SearchNames()) {
				continue
			}
			if u != nil {
				gone = addNames(gone, u)
			}
			come = addNames(come, next)
		}
	}
	for i := range plan.Insert {
		come = addNames(come, &plan.Insert[i])
	}
	return gone, come
}

func addNames(to []UserName, u *muster.User) []UserName {
	for _, name := range u.SearchNames() {
		to = append(to, UserName{Name: name, User: u.ID})
	}
	return to
}
