package muster

import "time"

// Role is something that a tenant gives to users, such as a job in another system; what it means is for that system. It is
// neither an [AdminLevel] nor what an operator of Muster may do.
type Role struct {
	Tenant    ID        `json:"-"`
	ID        ID        `json:"id"`
	Name      string    `json:"name"` // 1 to 64 characters, unique in the tenant
	CreatedAt time.Time `json:"createdAt"`
}
