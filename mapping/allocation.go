package mapping

import (
	"fmt"
	"strings"

	"muster"
)

// maxPathNames is how many names a path of departments may have: the root's, and one of each level.
const maxPathNames = 1 + muster.MaxDepartmentLevel

// Allocate gives an entry the department and the capacity that its row asks for, or the fault of what no row may ask for
// (KooDrive contract, section 3). What a row does not set, the entry does not get. Whether the department is there, and the
// capacity still to be had, is for Plan to say: pre-verification and import make their entries by this.
func Allocate(row *muster.Row, e *muster.Entry) {
	if row.Set.Has(muster.FieldDepartment) {
		if e.Department, e.Fault = DepartmentRef(row.Department, row.DepartmentPath); e.Fault != nil {
			return
		}
	}
	if row.Set.Has(muster.FieldCapacity) {
		if e.Fault = checkCapacity(row.Allocate, row.CapacityGB); e.Fault != nil {
			return
		}
		e.User.CapacityGB = row.CapacityGB
	}
	e.Set |= row.Set & (muster.FieldDepartment | muster.FieldCapacity)
}

// DepartmentRef reads how a row names a department from base on: nothing, a name, or names joined by slashes, with spaces
// around each. What no department can be called is a fault, as is a name that none has.
func DepartmentRef(base muster.ID, path string) (muster.DepartmentRef, *muster.Fault) {
	path = strings.TrimSpace(path)
	if path == "" {
		return muster.DepartmentRef{Base: base}, nil
	}
	names := strings.SplitN(path, "/", maxPathNames+1)
	ok := len(names) <= maxPathNames
	for i := range names {
		most := muster.MaxDepartmentName
		if i == 0 {
			most = maxName // base may be the root, which is called as the tenant is
		}
		var fault *muster.Fault
		names[i], fault = Name("department", names[i], 1, most)
		ok = ok && fault == nil
	}
	if !ok {
		return muster.DepartmentRef{}, &muster.Fault{Reason: muster.ReasonNoDepartment, Field: "department", Detail: quotable(path)}
	}
	return muster.DepartmentRef{Base: base, Path: strings.Join(names, "/")}, nil
}

// quotable cuts a text short, and takes out what would show another one, for a fault that has to repeat it.
func quotable(s string) string {
	const most = maxPathNames*(muster.MaxDepartmentName+1) + 1 // characters: of a path that can be one
	var b strings.Builder
	n := 0
	for _, r := range s {
		if n == most {
			b.WriteRune('…')
			break
		}
		if controls(r) {
			r = '\uFFFD'
		}
		b.WriteRune(r)
		n++
	}
	return b.String()
}

func checkCapacity(allocate bool, gb int64) *muster.Fault {
	switch {
	case !allocate && gb != 0:
		return invalid("personalCapacity", "It must be 0 where no capacity is allocated.")
	case allocate && (gb < 1 || gb > muster.MaxCapacityGB):
		return invalid("personalCapacity", fmt.Sprintf("It must be from 1 to %d GB where capacity is allocated.", muster.MaxCapacityGB))
	default:
		return nil
	}
}
