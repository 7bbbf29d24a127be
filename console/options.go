package console

import (
	"net/http"

	"muster"
)

func languageOptions(v *visit) []option {
	all := []option{{"", v.T("As the browser asks")}}
	for _, t := range tongues() {
		all = append(all, option{t.tag, t.name})
	}
	return all
}

func roleOptions(v *visit) []option {
	return []option{
		{muster.OperatorViewer.String(), v.T("Viewer: sees everything but secrets")},
		{muster.OperatorProvisioner.String(), v.T("Operator: also imports users and handles batches")},
		{muster.OperatorAdministrator.String(), v.T("Administrator: also changes users, access and settings")},
	}
}

func tenantOptions(v *visit) []option {
	all := []option{{"0", v.T("The installation")}}
	for _, t := range v.tenants {
		all = append(all, option{t.ID.String(), t.Name})
	}
	return all
}

// belongs says of what somebody is an operator.
func (v *visit) belongs(o *muster.Operator, tenants map[muster.ID]string) string {
	switch {
	case o.Tenant == 0:
		return v.T("The installation")
	case tenants[o.Tenant] != "":
		return tenants[o.Tenant]
	default:
		return v.tenant.Name // who does not see all tenants sees the operators of his own
	}
}

// health names a thing that must be in order.
func (v *visit) health(name string) string {
	switch name {
	case "database":
		return v.T("Database")
	case "clock", "ids":
		return v.T("Clock and ids")
	case "key":
		return v.T("Keys")
	case "lanes":
		return v.T("Queues")
	case "disk":
		return v.T("Room on the disk")
	default:
		return name
	}
}

// batchName is what a batch is called.
func batchName(b *muster.Batch) string {
	if b.Name != "" {
		return b.Name
	}
	return b.ID.String()
}

func refusalTitle(v *visit, status int) string {
	switch status {
	case http.StatusNotFound:
		return v.T("Not found")
	case http.StatusForbidden:
		return v.T("Not allowed")
	case http.StatusTooManyRequests:
		return v.T("Too many attempts")
	case http.StatusServiceUnavailable:
		return v.T("Not available now")
	case http.StatusInternalServerError:
		return v.T("An error")
	default:
		return v.T("Refused")
	}
}
